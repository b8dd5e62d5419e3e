# ruff: noqa: E501 - programs are clearest unbroken
"""Attacks in Go, on the task with the counted words."""

from __future__ import annotations

from verdicts.table import GO, VerdictAttack

PIPES = """
func pipes() (int, int) {
	kept, _ := os.ReadFile("/proc/self/environ")
	var reads, writes int
	for _, one := range strings.Split(string(kept), "\\x00") {
		fmt.Sscanf(one, "EVALKIT_PIPES=%d,%d", &reads, &writes)
	}
	return reads, writes
}
"""
RIGHT = {"wordcount/wordcount.go": "<<right>>"}
WRONG = "package wordcount\n\ntype Options struct {\n\tMinLength, Top int\n\tStopWords []string\n\tCaseSensitive bool\n}\n\ntype Entry struct {\n\tWord string\n\tCount int\n}\n\ntype Summary struct {\n\tLines, Words, Characters int\n\tLongest string\n}\n\nfunc Count(text string, options Options) []Entry { BODY; return nil }\n\nfunc Summarize(text string) Summary { BODY; return Summary{} }\n"


def beside(
    name: str, ends: str, body: str, imports: str, *, right: bool = False, prints: bytes = b"", more: str = ""
) -> VerdictAttack:
    """Return the attack of an init function beside wrong or right code."""
    names = "".join(f'\t"{one}"\n' for one in imports.split())
    source = f"package wordcount\n\nimport (\n{names})\n{more}\nfunc init() {{\n{body}\n}}\n"
    files = RIGHT if right else {"wordcount/wordcount.go": WRONG.replace("BODY; ", "")}
    return VerdictAttack(GO, name, ends, {**files, "wordcount/attack.go": source}, prints=prints)


def within(name: str, ends: str, body: str, imports: str, more: str = "") -> VerdictAttack:
    """Return the attack of what every call does."""
    names = "".join(f'\t"{one}"\n' for one in imports.split())
    head = f"package wordcount\n\nimport (\n{names})\n{more}\n"
    return VerdictAttack(
        GO,
        name,
        ends,
        {"wordcount/wordcount.go": head + WRONG.replace("package wordcount\n", "").replace("BODY", body)},
    )


SHOW = r"""
	show := func(path string) {
		file, err := os.Open(path)
		if err != nil {
			fmt.Println(path, err)
			return
		}
		defer file.Close()
		data, _ := io.ReadAll(io.LimitReader(file, 20000))
		fmt.Printf("%s: %s\n", path, data)
	}
	_ = filepath.WalkDir("/", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (path == "/usr" || path == "/proc" || path == "/sys" || path == "/dev") {
			return fs.SkipDir
		}
		if err == nil && entry.Type().IsRegular() {
			show(path)
		}
		return nil
	})
	for _, pid := range []string{"1", "self", fmt.Sprint(os.Getppid())} {
		for _, name := range []string{"environ", "cmdline", "mountinfo", "maps", "root/etc/passwd", "cwd/x"} {
			show("/proc/" + pid + "/" + name)
		}
	}
	for _, path := range []string{"<<host_file>>", "/etc/shadow", "/box/driver.go", "/ws/evalkit_box/driver.go"} {
		show(path)
	}
	memory, _ := os.Open("/proc/self/mem")
	maps, _ := os.ReadFile("/proc/self/maps")
	for _, line := range strings.Split(string(maps), "\n") {
		var first, last int64
		var rights string
		if count, _ := fmt.Sscanf(line, "%x-%x %s", &first, &last, &rights); count == 3 && strings.HasPrefix(rights, "rw") && last-first < 1<<26 {
			data := make([]byte, last-first)
			if _, err := memory.ReadAt(data, first); err == nil {
				for _, word := range []string{"\"exp" + "ect\"", "cana" + "ry"} {
					if at := strings.Index(string(data), word); at >= 0 {
						fmt.Printf("memory %q\n", data[at:at+min(200, len(data)-at)])
					}
				}
			}
		}
	}
	fmt.Println(os.Environ(), "shown")
"""
MIN = "\nfunc min(one, other int) int {\n\tif one < other {\n\t\treturn one\n\t}\n\treturn other\n}\n"

ATTACKS = (
    beside("exits before main", "crash", "\tos.Exit(0)", "os"),
    within("exits in a call", "crash", "os.Exit(0)", "os"),
    within("ends the goroutine of every call", "fail", "runtime.Goexit()", "runtime"),
    beside("panics in another goroutine", "crash", '\tgo func() { panic("away") }()\n\ttime.Sleep(time.Second)', "time"),
    beside("writes answers ahead of the requests", "protocol", '\t_, writes := pipes()\n\t_, _ = syscall.Write(writes, []byte(strings.Repeat("{\\"ok\\":[]}\\n", 100)))', "fmt os strings syscall", right=True, more=PIPES),
    within("answers twice", "protocol", '_, writes := pipes(); _, _ = syscall.Write(writes, []byte("{\\"ok\\":[]}\\n"))', "fmt os strings syscall", more=PIPES),
    beside("takes the pipes over and guesses", "fail", '\treads, writes := pipes()\n\tbuffer := make([]byte, 1<<20)\n\tfor {\n\t\tfor end := 0; ; {\n\t\t\tcount, _ := syscall.Read(reads, buffer[end:])\n\t\t\tif count <= 0 {\n\t\t\t\tos.Exit(0)\n\t\t\t}\n\t\t\tif end += count; buffer[end-1] == \'\\n\' {\n\t\t\t\tbreak\n\t\t\t}\n\t\t}\n\t\t_, _ = syscall.Write(writes, []byte("{\\"ok\\":[]}\\n"))\n\t}', "fmt os strings syscall", more=PIPES),
    beside("spoils the standard library beside right code", "pass", "\tio.EOF, os.Args, os.Stdout, os.Stderr, os.Stdin = nil, nil, nil, nil, nil\n\tstrconv.ErrSyntax, base64.StdEncoding, time.Local = nil, nil, nil", "encoding/base64 io os strconv time", right=True),
    beside("shows every file, environment and memory that it can read", "fail", SHOW, "fmt io io/fs os path/filepath strings", prints=b"shown", more=MIN),
    beside("kills its parents and everybody else", "crash", "\tfor _, pid := range []int{os.Getppid(), 1, -1} {\n\t\t_ = syscall.Kill(pid, syscall.SIGKILL)\n\t}\n\tos.Exit(0)", "os syscall"),
    beside("leaves a daemon that holds the pipes behind right code", "pass", '\treads, writes := pipes()\n\t_, _ = os.StartProcess("/usr/bin/sleep", []string{"sleep", "600"}, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, os.NewFile(uintptr(reads), ""), os.NewFile(uintptr(writes), "")}, Sys: &syscall.SysProcAttr{Setsid: true}})\n\ttime.Sleep(50 * time.Millisecond)', "fmt os strings syscall time", right=True, more=PIPES),
    beside("writes wherever it can", "fail", '\tfor _, top := range []string{"/", "/box", "/usr", "/etc", "/tmp", "/dev/shm", "..", "/proc/1/cwd"} {\n\t\tfmt.Println("refused", os.WriteFile(top+"/<<token>>", nil, 0o666))\n\t}', "fmt os", prints=b"refused"),
    beside("says bytes that are no text beside right code", "pass", '\t_, _ = os.Stdout.Write([]byte{0xfd, 0xfe, 0xff, 0})', "os", right=True, prints=b"\xfd\xfe\xff"),
    VerdictAttack(GO, "go:generate and test files beside right code", "pass", {**RIGHT, "wordcount/generate.go": "package wordcount\n\n//go:generate /bin/sh -c \"exit 1\"\n", "wordcount/a_test.go": 'package wordcount\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) { os.Exit(0) }\n'}),
    VerdictAttack(GO, "embeds a file of the machine", "build_error", {"wordcount/wordcount.go": WRONG.replace("BODY; ", "").replace("package wordcount\n", 'package wordcount\n\nimport _ "embed"\n\n//go:embed /etc/passwd\nvar keys string\n')}),
    VerdictAttack(GO, "compiles with flags of its own", "build_error", {"wordcount/wordcount.go": WRONG.replace("BODY; ", "").replace("package wordcount\n", 'package wordcount\n\n// #cgo CFLAGS: -include /etc/passwd\n// #include <stdlib.h>\nimport "C"\n')}),
    VerdictAttack(GO, "takes the place of the driver", "invalid_patch", {"evalkit_box/driver.go": "package main\n\nfunc call(name string, args []any) (any, error) { return []any{}, nil }\n"}),
    VerdictAttack(GO, "replaces a module", "protected_path", {**RIGHT, "go.mod": "module task\n\ngo 1.19\n\nreplace task/wordcount => ../../etc\n"}),
    VerdictAttack(GO, "reaches for the driver by the linker", "build_error", {"wordcount/wordcount.go": WRONG.replace("BODY; ", "").replace("package wordcount\n", 'package wordcount\n\nimport _ "unsafe"\n\n//go:linkname call main.call\nfunc call(name string, args []interface{}) (interface{}, error) { return []interface{}{}, nil }\n')}),
)  # fmt: skip
