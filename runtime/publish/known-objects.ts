/**
 * Which keys the objects of one producer have, place by place, and the bytes that stand in front of their values.
 *
 * The producer's thread. Bounds: SHAPES_MAX kinds of objects at each place, KEYS_MAX keys of one.
 */

const SHAPES_MAX = 4
const KEYS_MAX = 64

export interface Shape {
  readonly names: readonly string[]
  /** What stands in front of each value: its length, and its bytes as doubles, with zeros behind them. */
  readonly lengths: readonly number[]
  readonly eights: readonly (readonly number[])[]
  readonly values: readonly Place[]
}

export interface Place {
  readonly shapes: Shape[]
  items: Place | null
}

/** Whether its enumerable keys, inherited ones too, are these in this order. */
function hasKeys(value: object, names: readonly string[]): boolean {
  let index = 0
  for (const name in value) if (name !== names[index++]) return false
  return index === names.length
}

/** Learns from a value that JSON.stringify has written; what it meets may be of any kind, and is only looked at. */
export function learn(place: Place, value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null || depth === 0) return
  if (Array.isArray(value)) {
    if (value.length === 0) return
    place.items ??= { shapes: [], items: null }
    learn(place.items, value[0], depth - 1)
  } else if (Object.getPrototypeOf(value) === Object.prototype)
    learnObject(place, value as Record<string, unknown>, depth)
}

function learnObject(place: Place, value: Readonly<Record<string, unknown>>, depth: number): void {
  const names = Object.keys(value)
  let shape = place.shapes.find(known => hasKeys(value, known.names))
  if (shape === undefined) {
    if (place.shapes.length === SHAPES_MAX || names.length === 0 || names.length > KEYS_MAX) return
    shape = shapeOf(names)
    place.shapes.push(shape)
  }
  for (const [index, name] of shape.names.entries()) learn(shape.values[index] as Place, value[name], depth - 1)
}

function shapeOf(names: readonly string[]): Shape {
  const leads = names.map((name, index) => Buffer.from(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`))
  return {
    names,
    lengths: leads.map(({ length }) => length),
    eights: leads.map(lead => {
      const padded = Buffer.concat([lead, Buffer.alloc(7)])
      return Array.from({ length: (lead.length + 7) >> 3 }, (_, eight) => padded.readDoubleLE(eight * 8))
    }),
    values: names.map(() => ({ shapes: [], items: null })),
  }
}
