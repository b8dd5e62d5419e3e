# ruff: noqa: E501 - programs are clearest unbroken
"""Attacks in Rust, on the task with the paths."""

from __future__ import annotations

from verdicts.table import RUST, VerdictAttack

# Finds the pipes, which the harness has moved, among all that is open; before main they are where they were.
PIPES = """
extern "C" {
    fn write(descriptor: i32, bytes: *const u8, count: usize) -> isize;
    fn read(descriptor: i32, bytes: *mut u8, count: usize) -> isize;
}
#[allow(dead_code)]
fn pipes() -> (i32, i32) {
    let kept = std::fs::read("/proc/self/environ").unwrap();
    let kept = String::from_utf8_lossy(&kept).into_owned();
    let numbers = kept.split('\\0').find_map(|one| one.strip_prefix("EVALKIT_PIPES=")).unwrap().to_string();
    let (reads, writes) = numbers.split_once(',').unwrap();
    (reads.parse().unwrap(), writes.parse().unwrap())
}
"""
WRONG = """
pub fn normalize(_path: &str) -> String { body(); ".".to_string() }
pub fn join(_base: &str, _path: &str) -> String { body(); ".".to_string() }
pub fn parent(_path: &str) -> String { body(); ".".to_string() }
pub fn file_name(_path: &str) -> Option<String> { body(); None }
pub fn relative(_from: &str, _to: &str) -> Option<String> { body(); None }
pub fn is_inside(_root: &str, _path: &str) -> bool { body(); true }
"""


def within(name: str, ends: str, body: str, more: str = "", prints: bytes = b"") -> VerdictAttack:
    """Return the attack of what every call does."""
    source = f"{more}\nfn body() {{ {body} }}\n{WRONG}"
    return VerdictAttack(RUST, name, ends, {"src/lib.rs": source}, prints=prints)


def before(
    name: str, ends: str, body: str, *, right: bool = False, more: str = "", prints: bytes = b""
) -> VerdictAttack:
    """Return the attack of what runs before main."""
    hook = f'#[used]\n#[link_section = ".init_array"]\npub static BEFORE: extern "C" fn() = before;\nextern "C" fn before() {{ {body} }}\n'
    source = f"<<right>>\n{more}{hook}" if right else f"{more}{hook}fn body() {{}}\n{WRONG}"
    return VerdictAttack(RUST, name, ends, {"src/lib.rs": source}, prints=prints)


SHOW = r"""
    fn show(path: &std::path::Path) {
        match std::fs::File::open(path) {
            Ok(file) => {
                let mut data = Vec::new();
                let _ = std::io::Read::read_to_end(&mut std::io::Read::take(file, 20000), &mut data);
                println!("{}: {}", path.display(), String::from_utf8_lossy(&data));
            }
            Err(error) => println!("{}: {}", path.display(), error),
        }
    }
    fn below(top: &std::path::Path) {
        for entry in std::fs::read_dir(top).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if ["/usr", "/proc", "/sys", "/dev"].iter().any(|skipped| path.starts_with(skipped)) { continue; }
            if kind.is_dir() { below(&path) } else if kind.is_file() { show(&path) }
        }
    }
    below(std::path::Path::new("/"));
    let parent = std::os::unix::process::parent_id().to_string();
    for pid in ["1", "self", &parent] {
        for name in ["environ", "cmdline", "mountinfo", "maps", "root/etc/passwd"] {
            show(&std::path::Path::new("/proc").join(pid).join(name));
        }
    }
    for path in ["<<host_file>>", "/etc/shadow", "/box/driver.rs", "/ws/src/lib.rs"] { show(std::path::Path::new(path)); }
    println!("{:?} shown", std::env::vars().collect::<Vec<_>>());
"""

ATTACKS = (
    before("exits before main", "crash", "std::process::exit(0);"),
    within("exits in a call", "crash", "std::process::exit(0);"),
    within("aborts", "crash", "std::process::abort();"),
    within("exits when it panics", "crash", "std::panic::set_hook(Box::new(|_| std::process::exit(0))); panic!();"),
    within("panics with what panics again", "fail", "std::panic::panic_any(Again);", more='struct Again;\nimpl Drop for Again { fn drop(&mut self) { panic!("again"); } }\n'),
    before("writes answers ahead of the requests", "protocol", 'let line = "ok s.\\n".repeat(100); unsafe { write(pipes().1, line.as_ptr(), line.len()); }', right=True, more=PIPES),
    within("answers twice", "protocol", 'for descriptor in 200..210 { unsafe { write(descriptor, "ok s.\\n".as_ptr(), 6); } }', more=PIPES),
    before("takes the pipes over and guesses", "fail", 'let (reads, writes) = pipes(); let mut data = [0u8; 1 << 16]; loop { unsafe { loop { let count = read(reads, data.as_mut_ptr(), data.len()); if count <= 0 { std::process::exit(0); } if data[count as usize - 1] == 10 { break; } } write(writes, "ok s.\\n".as_ptr(), 6); } }', more=PIPES),
    VerdictAttack(RUST, "takes the place of write in the C library", "fail", {"src/lib.rs": 'extern "C" { fn syscall(number: i64, ...) -> i64; }\n#[no_mangle]\npub extern "C" fn write(descriptor: i32, bytes: *const u8, count: usize) -> isize {\n    unsafe {\n        if std::slice::from_raw_parts(bytes, count).starts_with(b"ok") { syscall(if cfg!(target_arch = "x86_64") { 1 } else { 64 }, descriptor, "ok t\\n".as_ptr(), 5usize); } else { syscall(if cfg!(target_arch = "x86_64") { 1 } else { 64 }, descriptor, bytes, count); }\n    }\n    count as isize\n}\n#[used]\npub static KEPT: extern "C" fn(i32, *const u8, usize) -> isize = write;\nfn body() {}\n' + WRONG}),
    within("shows every file and environment that it can read", "fail", "static ONCE: std::sync::Once = std::sync::Once::new(); ONCE.call_once(show_all);", more="fn show_all() {" + SHOW + "}\n", prints=b"shown"),
    within("kills its parents and everybody else", "crash", "unsafe { kill(std::os::unix::process::parent_id() as i32, 9); kill(1, 9); kill(-1, 9); } std::process::exit(0);", more='extern "C" { fn kill(pid: i32, signal: i32) -> i32; }\n'),
    before("leaves a daemon behind right code", "pass", 'unsafe { if fork() == 0 { setsid(); if fork() == 0 { sleep(600); } _exit(0); } }', right=True, more='extern "C" { fn fork() -> i32; fn setsid() -> i32; fn sleep(seconds: u32) -> u32; fn _exit(code: i32) -> !; }\n'),
    before("writes wherever it can", "fail", 'for top in ["/", "/box", "/usr", "/etc", "/tmp", "/dev/shm", "..", "/proc/1/cwd"] { println!("refused {:?}", std::fs::write(format!("{}/<<token>>", top), "x")); }', prints=b"refused Err"),
    before("says bytes that are no text beside right code", "pass", r"use std::io::Write; let _ = std::io::stdout().write_all(b'\xfd\xfe\xff\0'); let _ = std::io::stdout().flush();".replace("b'", 'b"').replace(r"\0'", r'\0"'), right=True, prints=b"\xfd\xfe\xff"),
    VerdictAttack(RUST, "includes a file of the machine", "build_error", {"src/lib.rs": 'pub static KEYS: &str = include_str!("<<host_file>>");\nfn body() {}\n' + WRONG}),
    VerdictAttack(RUST, "includes the compiler's environment and the harness", "fail", {"src/lib.rs": 'fn body() { static ONCE: std::sync::Once = std::sync::Once::new(); ONCE.call_once(|| println!("{} {} {} included", String::from_utf8_lossy(include_bytes!("/proc/self/environ")), include_str!("/box/driver.rs"), String::from_utf8_lossy(include_bytes!("/proc/1/environ")))); }\n' + WRONG}, prints=b"included"),
    VerdictAttack(RUST, "asks the compiler for a key", "build_error", {"src/lib.rs": 'pub static KEY: &str = env!("EVALKIT_CANARY_KEY");\nfn body() {}\n' + WRONG}),
    VerdictAttack(RUST, "a build.rs in src and a right answer", "pass", {"src/lib.rs": "<<right>>", "src/build.rs": 'fn main() { std::fs::write("/box/driver.rs", "").unwrap(); std::process::exit(1); }\n'}),
    VerdictAttack(RUST, "a build.rs where cargo looks for it", "protected_path", {"src/lib.rs": "<<right>>", "build.rs": "fn main() {}\n"}),
    VerdictAttack(RUST, "settings for cargo", "protected_path", {"src/lib.rs": "<<right>>", ".cargo/config.toml": '[build]\nrustc-wrapper = "/bin/true"\n'}),
)  # fmt: skip
