// Disturbs a simulated broker, one thing after the other, and leaves it running and well.
import { delay, integerBetween } from '@throughline/event';
import { nemesisProcess } from '../checker/history.ts';
import type { Server } from './server.ts';
import type { Life, World } from './world.ts';

export type Fault =
  | 'kill'
  | 'kill in the middle of a write'
  | 'power cut'
  | 'clean restart'
  | 'full disk'
  | 'failing sync'
  | 'failing write'
  | 'clock jump'
  | 'connection cuts'
  | 'network stall';

export const allFaults: readonly Fault[] = [
  'kill',
  'kill in the middle of a write',
  'power cut',
  'clean restart',
  'full disk',
  'failing sync',
  'failing write',
  'clock jump',
  'connection cuts',
  'network stall',
];

export interface NemesisOptions {
  readonly faults: readonly Fault[];
  readonly roundCount: number;
  /** The longest time between two faults, in milliseconds. */
  readonly pauseMsMax: number;
}

/** Starts the server first; returns with the broker running, after `roundCount` faults. */
export async function disturb(world: World, server: Server, options: NemesisOptions): Promise<void> {
  const { nemesisRandom: random, clock, network } = world;
  let life = await startSomehow(world, server);
  for (let round = 0; round < options.roundCount; round++) {
    await delay(clock, random.float() * options.pauseMsMax);
    const fault = options.faults[integerBetween(random, 0, options.faults.length - 1)]!;
    switch (fault) {
      case 'kill':
      case 'power cut':
        life = await restart(world, server, life, fault);
        break;
      case 'kill in the middle of a write':
        life.disk.dieAfter(integerBetween(random, 0, 30));
        await delay(clock, random.float() * 60);
        life = await restart(world, server, life, fault);
        break;
      case 'clean restart':
        await server.stop();
        await life.kill();
        world.recorder.note(nemesisProcess, 'info', { f: 'restart', isClean: true }, fault);
        network.killListeners();
        life = await startSomehow(world, server);
        break;
      case 'full disk':
        life.disk.bytesFree = integerBetween(random, 0, 2000);
        await delay(clock, random.float() * 60);
        life.disk.heal();
        break;
      case 'failing sync':
      case 'failing write':
        life.disk.fail({ operation: fault === 'failing sync' ? 'sync' : 'write', code: 'EIO' });
        await delay(clock, random.float() * 60);
        // What the failed operation was to save may be lost now.
        life = await restart(world, server, life, random.float() < 0.5 ? 'kill' : 'power cut');
        break;
      case 'clock jump':
        world.wallJumpMs += integerBetween(random, -3_600_000, 3_600_000);
        break;
      case 'connection cuts':
        network.cutLikelihood = 0.05;
        await delay(clock, random.float() * 60);
        network.cutLikelihood = 0;
        network.cut(random.float());
        break;
      case 'network stall':
        network.hold();
        await delay(clock, random.float() * 200);
        network.release();
        break;
    }
  }
  await delay(clock, 20);
  // A partition that a fault has taken offline comes back with the broker only.
  await restart(world, server, life, 'kill');
}

async function restart(world: World, server: Server, life: Life, fault: Fault): Promise<Life> {
  await life.kill();
  world.network.killListeners();
  if (fault === 'power cut') world.cutPower();
  world.recorder.note(nemesisProcess, 'info', { f: 'restart', isClean: false }, fault);
  return startSomehow(world, server);
}

/** A broker that does not come up (it was killed while it started, or its disk failed it) is started again. */
async function startSomehow(world: World, server: Server): Promise<Life> {
  const { nemesisRandom: random, clock } = world;
  for (let failures = 0; ; failures++) {
    const life = world.newLife();
    // It may die at its start, too, but not for ever.
    if (failures < 3 && random.float() < 0.1) life.disk.dieAfter(integerBetween(random, 0, 60));
    try {
      const died = life.whenDead.then(() => Promise.reject(new Error('killed while it started')));
      await Promise.race([server.start(life), died]);
      if (!life.disk.isDead) {
        // It has come up: what it does from now on is for other faults.
        life.disk.dieAfter(Number.POSITIVE_INFINITY);
        return life;
      }
    } catch (error) {
      if (failures > 6) throw error;
    }
    await life.kill();
    world.network.killListeners();
    await delay(clock, 5);
  }
}
