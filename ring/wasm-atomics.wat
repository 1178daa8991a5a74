;; The atomic operations of wasm-memory.ts, which holds this module assembled. A test assembles it again and compares.
;; One page is the least that can be imported, and 65536 pages, 4 GiB, the most.
(module
  (import "ring" "memory" (memory 1 65536 shared))
  (func (export "load") (param $address i32) (result i32)
    local.get $address
    i32.atomic.load)
  (func (export "store") (param $address i32) (param $value i32)
    local.get $address
    local.get $value
    i32.atomic.store)
  (func (export "copy") (param $target i32) (param $source i32) (param $bytes i32)
    local.get $target
    local.get $source
    local.get $bytes
    memory.copy))
