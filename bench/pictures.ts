// `bun bench/pictures.ts`: memory and CPU time for the largest pictures that are accepted. Each
// picture has one colour. A new process decodes it a few times, as in production.

import { readFileSync } from "node:fs";
import sharp, { type Sharp } from "sharp";
import { cpuTicksOf, decodersOf, startDecoders } from "../test/pictures.ts";

const ROUNDS = 4;
const signal = new AbortController().signal;

function square(side: number, channels: 3 | 4 = 3): Sharp {
  const background = { r: 200, g: 100, b: 50, alpha: 0.5 };
  return sharp({ create: { width: side, height: side, channels, background } });
}

const PICTURES: Readonly<Record<string, () => Sharp>> = {
  "none (idle)": () => square(16).png(),
  "JPEG, 24 megapixels": () => square(4899).jpeg(),
  "JPEG, 64 megapixels, progressive, 4:4:4": () =>
    square(8000).jpeg({ progressive: true, chromaSubsampling: "4:4:4" }),
  "JPEG, 64 megapixels, progressive, CMYK": () =>
    square(8000).toColourspace("cmyk").jpeg({ progressive: true, chromaSubsampling: "4:4:4" }),
  "PNG, 64 megapixels": () => square(8000, 4).png({ compressionLevel: 1 }),
  "PNG, 64 megapixels, 16 bits, interlaced": () =>
    square(8000, 4).toColourspace("rgb16").png({ progressive: true, compressionLevel: 1 }),
  "WebP, 64 megapixels": () => square(8000, 4).webp({ effort: 0 }),
  "GIF, 64 megapixels": () => square(8000).gif({ effort: 1 }),
  "AVIF, 16 megapixels": () => square(4000).avif({ effort: 0 }),
  "AVIF, 32 megapixels": () => square(5656).avif({ effort: 0 }),
  "AVIF, 32 megapixels, 12 bits, 4:4:4, transparent": () =>
    square(5656, 4).avif({ effort: 0, bitdepth: 12, chromaSubsampling: "4:4:4" }),
};

console.log("| picture | MiB | s of CPU |\n| --- | ---: | ---: |");
for (const [name, make] of Object.entries(PICTURES)) {
  const file = await make().toBuffer();
  const decoders = startDecoders();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [pid = 0] = decodersOf(process.pid);
    const before = pid === 0 ? 0 : cpuTicksOf(pid);
    await decoders.decode(file, signal);
    if (pid !== 0) times.push((cpuTicksOf(pid) - before) / 100);
  }
  const [pid] = decodersOf(process.pid);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const peakMib = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  console.log(`| ${name} | ${peakMib.toFixed(0)} | ${Math.min(...times).toFixed(1)} |`);
  decoders.close();
  await Bun.sleep(100);
}
