/**
 * Sends drawn messages through drawn exchanges of a real RabbitMQ, compares where they arrive with our tables, and keeps it as
 * vectors. After a build:
 *
 *   npm run test:rabbitmq -- [--seed S] [--dry]
 *
 *   --seed   draws others; default 1
 *   --dry    writes no vectors
 *
 * A process with the server and its client answers (bench/rabbitmq-answers.ts). 100 worlds of exchanges, 50 messages each. `npm test`
 * replays the vectors. Exits with 1 when a message goes elsewhere in our tables.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type AnsweredWorld, differences, drawWorld, writeVectors } from '../../routing/rabbitmq-vectors.fixture.ts'
import { Draw } from '../../routing/random-exchanges.fixture.ts'

const WORLDS = 100
const MESSAGES = 50
const SERVER = fileURLToPath(new URL('../../../bench/rabbitmq-answers.js', import.meta.url))

const { values: options } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, dry: { type: 'boolean', default: false } },
})
const draw = new Draw(Number(options.seed))
const drawn = Array.from({ length: WORLDS }, () => drawWorld(draw, MESSAGES))

const server = spawn(process.execPath, [SERVER], { stdio: ['pipe', 'pipe', 'inherit'] })
const exited = once(server, 'exit')
server.stdin.end(drawn.map(world => `${JSON.stringify(world)}\n`).join(''))
const answers: string[][] = []
for await (const line of createInterface({ input: server.stdout })) answers.push(JSON.parse(line) as string[])
const [code] = await exited
if (code !== 0 || answers.length !== WORLDS)
  throw new Error(`RabbitMQ has answered ${answers.length} of ${WORLDS} worlds, and its process ended with ${code}`)

const worlds = drawn.map((world, at): AnsweredWorld => ({ ...world, arrived: answers[at] as string[] }))
const problems = worlds.flatMap(differences)
for (const problem of problems) console.log(problem)
const { length } = worlds.flatMap(({ arrived }) => arrived.filter(queues => queues !== ''))
console.log(
  `${WORLDS * MESSAGES} messages, ${length} of them arrived in queues; ${problems.length} go elsewhere in ours`,
)
if (!options.dry) writeVectors(worlds)
if (problems.length > 0) process.exitCode = 1
