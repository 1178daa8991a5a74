import { testDisk } from '../log/disk-contract.fixture.ts'
import { SimDisk } from './sim-disk.ts'

testDisk('SimDisk', () => {
  const disk = new SimDisk()
  disk.makeFolder('/data')
  return { disk, folder: '/data', runLater: () => disk.runLater() }
})
