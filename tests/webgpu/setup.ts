/** Unpacks the GPU of the tests before a process that needs it starts. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { hasSoftwareGpu, packedSoftwareGpu, softwareGpuFolder } from './software-gpu.ts'

export default async function setup(): Promise<void> {
  if (!hasSoftwareGpu || existsSync(softwareGpuFolder)) return
  await mkdir(path.dirname(softwareGpuFolder), { recursive: true })
  // Whole or not at all, also when two processes do it at once.
  const draft = await mkdtemp(`${softwareGpuFolder}-`)
  try {
    const archive = path.join(draft, 'swiftshader.tar')
    await writeFile(archive, brotliDecompressSync(await readFile(packedSoftwareGpu)))
    execFileSync('tar', ['-xf', archive, '-C', draft, 'libvk_swiftshader.so', 'vk_swiftshader_icd.json'])
    await rm(archive)
    // Dawn looks for the loader of Vulkan; the driver alone answers to the same calls.
    await symlink('libvk_swiftshader.so', path.join(draft, 'libvulkan.so.1'))
    await rename(draft, softwareGpuFolder).catch((error: unknown) => {
      if (!existsSync(softwareGpuFolder)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}
