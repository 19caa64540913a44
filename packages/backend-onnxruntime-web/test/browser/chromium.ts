import { accessSync, constants } from 'node:fs';
import process from 'node:process';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const PLACES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Chromium's own WebGPU on the processor, for machines without a graphics card. */
const SOFTWARE_GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];

/** The installed Chromium, or undefined. `CHROMIUM` names another one. */
export function findChromium(): string | undefined {
  return PLACES.find((place) => {
    try {
      if (place === undefined) return false;
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export function launchChromium(executablePath: string, { softwareGpu = false } = {}): Promise<Browser> {
  // Containers run tests as root, where Chromium's sandbox refuses to work; the pages are our own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...(softwareGpu ? SOFTWARE_GPU : [])] });
}
