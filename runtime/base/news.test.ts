import t from 'tap'
import { NEWS_EVERY_MS, News } from './news.ts'

t.test('the first is told at once, later ones by their number', async t => {
  const news = new News()
  t.equal(news.take(100), 0)
  t.equal(news.dueInMs(100), Number.POSITIVE_INFINITY)
  news.add(3)
  t.equal(news.dueInMs(100), 0)
  t.equal(news.take(100), 3)
  news.add(1)
  news.add(4)
  t.equal(news.take(101), 0)
  t.equal(news.dueInMs(101), NEWS_EVERY_MS - 1)
  t.notOk(news.isEmpty)
  t.equal(news.take(100 + NEWS_EVERY_MS), 5)
  t.ok(news.isEmpty)
})
