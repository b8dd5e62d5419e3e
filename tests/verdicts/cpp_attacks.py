# ruff: noqa: E501 - programs are clearest unbroken
"""Attacks in C++, on a small task with a sum."""

from __future__ import annotations

from dataclasses import replace

from verdicts.table import CPP, VerdictAttack

WRONG = '#include "total.hpp"\nlong total(const std::vector<long>&) { return 0; }\n'
PIPES = """\
#include <cstdio>
#include <cstring>
#include <unistd.h>
static void pipes(int& reads, int& writes) {
    static char kept[65536];
    FILE* file = std::fopen("/proc/self/environ", "r");
    const std::size_t length = std::fread(kept, 1, sizeof kept - 1, file);
    std::fclose(file);
    for (const char* at = kept; at < kept + length; at += std::strlen(at) + 1) std::sscanf(at, "EVALKIT_PIPES=%d,%d", &reads, &writes);
}
"""


def before(
    name: str, ends: str, body: str, head: str = "", *, right: bool = False, prints: bytes = b""
) -> VerdictAttack:
    """Return the attack of a constructor that runs before main."""
    hook = f"{head}\nnamespace {{ struct Before {{ Before() {{ {body} }} }} before; }}\n"
    return VerdictAttack(CPP, name, ends, {"total.cpp": hook + ("<<right>>" if right else WRONG)}, prints=prints)


def within(name: str, ends: str, body: str, head: str = "") -> VerdictAttack:
    """Return the attack of what every call does."""
    source = f'{head}\n#include "total.hpp"\nlong total(const std::vector<long>& numbers) {{ {body} return 0; }}\n'
    return VerdictAttack(CPP, name, ends, {"total.cpp": source})


def file(name: str, ends: str, source: str, prints: bytes = b"", **others: str) -> VerdictAttack:
    """Return the attack of a whole total.cpp, and of headers by name."""
    files = {f"{header}.hpp": text for header, text in others.items()}
    return VerdictAttack(CPP, name, ends, {"total.cpp": source, **files}, prints=prints)


SHOW = r"""
    for (const auto& pid : {std::string("1"), std::string("self"), std::to_string(getppid())})
        for (const char* name : {"environ", "cmdline", "mountinfo", "maps", "root/etc/passwd"}) show("/proc/" + pid + "/" + name);
    for (const char* path : {"<<host_file>>", "/etc/shadow", "/etc/passwd", "/box/driver.hpp", "/ws/total.cpp"}) show(path);
    std::error_code none;
    for (auto entry = std::filesystem::recursive_directory_iterator("/", std::filesystem::directory_options::skip_permission_denied, none); entry != std::filesystem::recursive_directory_iterator(); entry.increment(none)) {
        const std::string path = entry->path().string();
        if (path == "/usr" || path == "/proc" || path == "/sys" || path == "/dev") entry.disable_recursion_pending();
        else if (!entry->is_symlink(none) && entry->is_regular_file(none)) show(path);
    }
    std::ifstream maps("/proc/self/maps"), memory("/proc/self/mem", std::ios::binary);
    for (std::string line; std::getline(maps, line);) {
        unsigned long first = 0, last = 0;
        char rights[5] = "";
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &first, &last, rights) != 3 || rights[1] != 'w' || last - first > (1 << 26)) continue;
        std::string data(last - first, '\0');
        memory.clear();
        memory.seekg(static_cast<std::streamoff>(first));
        memory.read(data.data(), static_cast<std::streamsize>(data.size()));
        for (const std::string& word : {std::string("total-") + "of-", std::string("cana") + "ry-"})
            if (const auto at = data.find(word); at != std::string::npos) std::printf("memory %s\n", data.substr(at, 200).c_str());
    }
    std::puts("shown");
    std::fflush(stdout);
"""
SHOW_HEAD = r"""
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
static void show(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string data(20000, '\0');
    file.read(data.data(), 20000);
    data.resize(file.gcount() > 0 ? static_cast<std::size_t>(file.gcount()) : 0);
    std::printf("%s: ", path.c_str());
    std::fwrite(data.data(), 1, data.size(), stdout);
    std::puts("");
}
"""

EVERY = (
    before("exits before main", "crash", "std::_Exit(0);", "#include <cstdlib>"),
    within("exits in a call", "crash", "if (numbers.size() > 2) std::_Exit(0);", "#include <cstdlib>"),
    within("throws what is no exception", "fail", "throw 7;"),
    file("renames main by a macro in its header", "pass", "<<right>>", total="#pragma once\n#include <vector>\n#define main candidate_main\n#define EVALKIT_PIPES none\nlong total(const std::vector<long>& numbers);\n"),
    file("renames the driver's function by a macro in its header", "build_error", WRONG, total="#pragma once\n#include <vector>\n#define call candidate_call\nlong total(const std::vector<long>& numbers);\n"),
    file("has a main of its own", "build_error", WRONG + "int main() { return 0; }\n"),
    file("has the driver's function too", "build_error", '#include "harness.hpp"\n' + WRONG + "Value call(const std::string&, const std::vector<Value>&) { return nullptr; }\n"),
    file("includes /etc/passwd", "build_error", '#include "/etc/passwd"\n' + WRONG),
    file("includes a file of the machine", "build_error", '#include "<<host_file>>"\n' + WRONG),
    file("includes the compiler's environment", "build_error", '#include "/proc/self/environ"\n#error shown\n' + WRONG, prints=b"shown"),
    file("takes a file into the program by the assembler", "build_error", 'asm(".incbin \\"<<host_file>>\\"");\n' + WRONG),
    file("takes the assembler's environment into the program", "fail", '#include <cstdio>\nasm(".data\\n.globl kept\\nkept: .incbin \\"/proc/self/environ\\"\\n.byte 10\\n.incbin \\"/proc/1/environ\\"\\n.byte 0\\n.text");\nextern "C" const char kept[];\nnamespace { struct Before { Before() { std::printf("kept %s\\n", kept); std::fflush(stdout); } } before; }\n' + WRONG, prints=b"kept "),
    file("takes the place of write in the C library", "fail", '#include <sys/syscall.h>\n#include <unistd.h>\nextern "C" ssize_t write(int descriptor, const void* bytes, size_t count) { const char* text = static_cast<const char*>(bytes); if (count > 2 && text[0] == \'o\' && text[1] == \'k\') { syscall(SYS_write, descriptor, "ok i7\\n", 6); return static_cast<ssize_t>(count); } return syscall(SYS_write, descriptor, bytes, count); }\n' + WRONG),
    before("writes answers ahead of the requests", "protocol", 'int reads = 0, writes = 0; pipes(reads, writes); for (int n = 0; n < 50; ++n) (void)!::write(writes, "ok i7\\n", 6);', PIPES, right=True),
    within("answers twice", "protocol", 'for (int descriptor = 200; descriptor < 210; ++descriptor) (void)!::write(descriptor, "ok i7\\n", 6);', "#include <unistd.h>"),
    before("takes the pipes over and guesses", "fail", 'int reads = 0, writes = 0; pipes(reads, writes); static char data[65536]; for (;;) { for (;;) { const ssize_t count = ::read(reads, data, sizeof data); if (count <= 0) _exit(0); if (data[count - 1] == 10) break; } (void)!::write(writes, "ok i7\\n", 6); }', PIPES),
    before("shows every file, environment and memory that it can read", "fail", SHOW, SHOW_HEAD, prints=b"shown"),
    before("kills its parents and everybody else", "crash", "kill(getppid(), SIGKILL); kill(1, SIGKILL); kill(-1, SIGKILL); _exit(0);", "#include <csignal>\n#include <unistd.h>"),
    before("leaves a daemon behind right code that says bytes that are no text", "pass", 'if (fork() == 0) { setsid(); if (fork() == 0) for (;;) sleep(600); _exit(0); } (void)!::write(1, "\\xfd\\xfe\\xff", 3);', "#include <unistd.h>", right=True, prints=b"\xfd\xfe\xff"),
    file("a harness and a driver of its own beside right code", "pass", "<<right>>", harness="#error mine\n", driver='#error mine\n'),
    VerdictAttack(CPP, "a link to the compiler", "invalid_patch", {}, diff="diff --git a/cc.hpp b/cc.hpp\nnew file mode 120000\n--- /dev/null\n+++ b/cc.hpp\n@@ -0,0 +1 @@\n+/usr/bin/g++\n\\ No newline at end of file\n"),
)  # fmt: skip

# Each is a whole build: those that no other language has, or that matter most, are tried each time.
_EACH_TIME = {
    "exits before main", "renames main by a macro in its header", "takes the place of write in the C library",
    "takes the assembler's environment into the program", "a link to the compiler",
    "shows every file, environment and memory that it can read",
    "leaves a daemon behind right code that says bytes that are no text",
}  # fmt: skip
assert {attack.name for attack in EVERY} >= _EACH_TIME
ATTACKS = tuple(replace(attack, slow=attack.name not in _EACH_TIME) for attack in EVERY)
