import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReadBuffers } from './read-buffers.ts';
import { TailCache, TailCacheBudget } from './tail-cache.ts';

/** A batch of ten bytes that says its offset. */
const bytesAt = (offset: bigint): Uint8Array => new Uint8Array(10).fill(Number(offset));

const buffers = new ReadBuffers();

test('what is cached is read by offset, joined up to the bound, and never beyond the end', () => {
  const cache = new TailCache(new TailCacheBudget(1000), 1000);
  for (let offset = 10n; offset < 30n; offset += 2n) cache.add(offset, offset + 1n, bytesAt(offset));
  assert.deepEqual(cache.read(13n, 25, 100n, buffers), Uint8Array.from([...bytesAt(12n), ...bytesAt(14n)]));
  assert.deepEqual(cache.read(12n, 1, 100n, buffers), bytesAt(12n));
  assert.deepEqual(cache.read(12n, 100, 15n, buffers), bytesAt(12n));
  assert.equal(cache.read(12n, 100, 13n, buffers), undefined);
  assert.equal(cache.read(9n, 100, 100n, buffers), undefined);
  assert.equal(cache.read(30n, 100, 100n, buffers), undefined);
});

test('the oldest batches go first, from the partition that was written to longest ago', () => {
  const budget = new TailCacheBudget(60);
  const [quiet, busy] = [new TailCache(budget, 1000), new TailCache(budget, 1000)];
  for (let offset = 0n; offset < 4n; offset++) quiet.add(offset, offset, bytesAt(offset));
  for (let offset = 0n; offset < 4n; offset++) busy.add(offset, offset, bytesAt(offset));
  assert.equal(quiet.read(1n, 10, 100n, buffers), undefined);
  assert.deepEqual(quiet.read(2n, 10, 100n, buffers), bytesAt(2n));
  assert.deepEqual(busy.read(0n, 10, 100n, buffers), bytesAt(0n));
});

test('what is nowhere else stays, whatever the bounds', () => {
  const cache = new TailCache(new TailCacheBudget(20), 20);
  cache.keepFrom(2n);
  for (let offset = 0n; offset < 6n; offset++) cache.add(offset, offset, bytesAt(offset));
  assert.equal(cache.read(1n, 10, 100n, buffers), undefined);
  assert.deepEqual(cache.read(2n, 10, 100n, buffers), bytesAt(2n));
});

test('a small part of a large buffer is copied, so that the large one can go', () => {
  const cache = new TailCache(new TailCacheBudget(1000), 1000);
  const large = new Uint8Array(65_536);
  cache.add(0n, 0n, large.subarray(100, 110));
  assert.equal(cache.read(0n, 10, 100n, buffers)!.buffer.byteLength, 10);
});

test('a busy partition keeps its batches in slabs that are used again, and what was read before stays as it was', () => {
  const cache = new TailCache(new TailCacheBudget(4_000_000), 1_000_000);
  const batchOf = (offset: number): Uint8Array => new Uint8Array(20_000).fill(offset);
  const read: Uint8Array[] = [];
  for (let offset = 0; offset < 500; offset++) {
    cache.add(BigInt(offset), BigInt(offset), batchOf(offset));
    const bytes = cache.read(BigInt(offset), 50_000, BigInt(offset + 1), buffers);
    assert.ok(bytes !== undefined);
    read.push(bytes);
  }
  for (const [offset, bytes] of read.entries()) assert.deepEqual(bytes, batchOf(offset));
  // The last fifty are there, each as it was added, whichever slab it is in.
  for (let offset = 450; offset < 500; offset++) {
    const pair = cache.read(BigInt(offset), 40_000, 500n, buffers);
    assert.equal(pair?.[0], offset % 256);
    if (offset < 499) assert.equal(pair?.[20_000], (offset + 1) % 256);
  }
  assert.equal(cache.read(400n, 40_000, 500n, buffers), undefined);
});

test('a partition that is emptied and filled again begins with fresh slabs', () => {
  const cache = new TailCache(new TailCacheBudget(4_000_000), 1_000_000);
  for (let offset = 0; offset < 20; offset++) cache.add(BigInt(offset), BigInt(offset), new Uint8Array(30_000).fill(1));
  const before = cache.read(19n, 1, 20n, buffers);
  cache.clear();
  for (let offset = 5; offset < 30; offset++) cache.add(BigInt(offset), BigInt(offset), new Uint8Array(30_000).fill(2));
  assert.ok(before?.every((byte) => byte === 1));
  assert.ok(cache.read(5n, 60_000, 30n, buffers)?.every((byte) => byte === 2));
});
