import type { Device } from '../backends/backend.ts'
import { formatType } from '../base/dtype.ts'

/** SHA-256 of tensors in the store of a device: the same for the same values under the same names in the same formats. */
export async function tensorsFingerprint(
  device: Pick<Device, 'typeOf' | 'readBytes'>,
  names: readonly string[],
): Promise<string> {
  const lines: string[] = []
  for (const name of names) {
    lines.push(`${name} ${formatType(device.typeOf(name))} ${await sha256(await device.readBytes(name))}`)
  }
  return await sha256(new TextEncoder().encode(lines.join('\n')))
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
