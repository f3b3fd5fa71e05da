# SPDX-License-Identifier: Apache-2.0
# long stub(struct header *): clone(2); the parent gets its result, the child walks the rows and never returns.
# Layouts: SyscallProgramme.cs. Position-independent, no stack use in the child, no thread-local storage, no libc.
    .intel_syntax noprefix
    .text
stub:
    push rbx
    push r12
    push r13
    mov rbx, rdi
    mov rdi, [rbx]          # clone flags
    mov rsi, [rbx + 8]      # the child's stack
    mov rdx, [rbx + 16]     # where the kernel puts the pidfd
    xor r10d, r10d
    xor r8d, r8d
    mov eax, 56             # clone
    syscall
    test rax, rax
    jz child
    pop r13
    pop r12
    pop rbx
    ret
child:
    mov r12, [rbx + 24]     # the row
    xor r13d, r13d          # its index
next:
    cmp r13, [rbx + 32]     # count
    jae finished
again:
    mov rax, [r12]
    mov rdi, [r12 + 8]
    mov rsi, [r12 + 16]
    mov rdx, [r12 + 24]
    mov r10, [r12 + 32]
    mov r8, [r12 + 40]
    mov r9, [r12 + 48]
    syscall
    cmp rax, -4             # EINTR
    je again
    mov rcx, [r12 + 56]     # result
    test rcx, rcx
    jz noresult
    mov [rcx], rax
noresult:
    cmp rax, -4095
    jae failed
    test qword ptr [r12 + 64], 2
    jz carryon
    test rax, rax           # a clone row: its parent's part is over
    jnz leave
carryon:
    mov rcx, [r12 + 72]     # rows to skip on success
    jmp advance
failed:
    test qword ptr [r12 + 64], 1
    jz fatal
    mov rcx, [r12 + 80]     # rows to skip on an ignored error
advance:
    inc rcx
    add r13, rcx
    imul rcx, rcx, 88
    add r12, rcx
    jmp next
fatal:
    neg rax
    mov [rbx + 48], r13
    mov [rbx + 56], rax
    mov eax, 1              # write
    mov rdi, [rbx + 40]     # the error pipe
    lea rsi, [rbx + 48]
    mov edx, 16
    syscall
finished:
    mov edi, 127
    jmp exit
leave:
    xor edi, edi
exit:
    mov eax, 231            # exit_group
    syscall
    ud2
