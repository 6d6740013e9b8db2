/** Unpacks the GPU of the tests before a process that needs it starts. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { hasSoftwareGpu, packedSoftwareGpu, softwareGpuFolder } from './software-gpu.ts'

/** Puts the files of the package in a folder that is there whole or not at all, also when two processes do it at once. */
async function unpack(folder: string, finish: (draft: string) => Promise<void>): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true })
  const draft = await mkdtemp(`${folder}-`)
  try {
    const archive = path.join(draft, 'swiftshader.tar')
    await writeFile(archive, brotliDecompressSync(await readFile(packedSoftwareGpu)))
    execFileSync('tar', ['-xf', archive, '-C', draft])
    await rm(archive)
    await finish(draft)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** For Node: Dawn looks for the loader of Vulkan, in whose place the driver alone answers to the same calls. */
export default async function setup(): Promise<void> {
  if (!hasSoftwareGpu || existsSync(softwareGpuFolder)) return
  await unpack(softwareGpuFolder, async (draft) => {
    const loader = path.join(draft, 'libvulkan.so.1')
    await rm(loader)
    await symlink('libvk_swiftshader.so', loader)
    await rename(draft, softwareGpuFolder).catch((error: unknown) => {
      if (!existsSync(softwareGpuFolder)) throw error
    })
  })
}

/** For Chromium, which looks for loader and driver beside its own program. */
export async function addSoftwareGpu(programFolder: string): Promise<void> {
  const driver = path.join(programFolder, 'vk_swiftshader_icd.json')
  if (existsSync(driver)) return
  await unpack(path.join(programFolder, 'gpu'), async (draft) => {
    // What names the driver comes last: where it is, the others are.
    const names = (await readdir(draft)).toSorted(
      (left, right) => Number(left.endsWith('.json')) - Number(right.endsWith('.json')),
    )
    for (const name of names) await rename(path.join(draft, name), path.join(programFolder, name))
  })
}
