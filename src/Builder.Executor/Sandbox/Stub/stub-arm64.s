// SPDX-License-Identifier: Apache-2.0
// long stub(struct header *): clone(2); the parent gets its result, the child walks the rows and never returns.
// Layouts: SyscallProgramme.cs. Position-independent, no stack use in the child, no thread-local storage, no libc.
    .text
stub:
    mov x9, x0
    ldr x0, [x9]            // clone flags
    ldr x1, [x9, #8]        // the child's stack
    ldr x2, [x9, #16]       // where the kernel puts the pidfd
    mov x3, #0
    mov x4, #0
    mov x8, #220            // clone
    svc #0
    cbz x0, child
    ret
child:
    ldr x10, [x9, #24]      // the row
    mov x11, #0             // its index
    ldr x12, [x9, #32]      // count
    mov x13, #88
next:
    cmp x11, x12
    b.hs finished
again:
    ldr x8, [x10]
    ldp x0, x1, [x10, #8]
    ldp x2, x3, [x10, #24]
    ldp x4, x5, [x10, #40]
    svc #0
    cmn x0, #4              // EINTR
    b.eq again
    ldr x14, [x10, #56]     // result
    cbz x14, noresult
    str x0, [x14]
noresult:
    cmn x0, #4095
    b.hs failed
    ldr x14, [x10, #64]
    tbz x14, #1, carryon
    cbnz x0, leave          // a clone row: its parent's part is over
carryon:
    ldr x14, [x10, #72]     // rows to skip on success
    b advance
failed:
    ldr x14, [x10, #64]
    tbz x14, #0, fatal
    ldr x14, [x10, #80]     // rows to skip on an ignored error
advance:
    add x14, x14, #1
    add x11, x11, x14
    madd x10, x14, x13, x10
    b next
fatal:
    neg x0, x0
    stp x11, x0, [x9, #48]
    mov x8, #64             // write
    ldr x0, [x9, #40]       // the error pipe
    add x1, x9, #48
    mov x2, #16
    svc #0
finished:
    mov x0, #127
    b exit
leave:
    mov x0, #0
exit:
    mov x8, #94             // exit_group
    svc #0
    brk #1
