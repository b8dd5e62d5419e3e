//! Paths as plain text: slashes between names, no look at any disk.

/// A path in its parts: does it begin at the root, and the names without `.`, empty ones and those that `..` takes back.
struct Parts<'a> {
    absolute: bool,
    names: Vec<&'a str>,
}

fn parts(path: &str) -> Parts<'_> {
    let absolute = path.starts_with('/');
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                if names.pop().is_none() {
                    names.push("..");
                }
            }
            other => names.push(other),
        }
    }
    Parts { absolute, names }
}

fn show(absolute: bool, names: &[&str]) -> String {
    match (absolute, names.is_empty()) {
        (true, _) => format!("/{}", names.join("/")),
        (false, true) => ".".to_string(),
        (false, false) => names.join("/"),
    }
}

/// The shortest way to write the path.
pub fn normalize(path: &str) -> String {
    let Parts { absolute, names } = parts(path);
    show(absolute, &names)
}

/// `path` as seen from the folder `base`.
pub fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') {
        return normalize(path);
    }
    normalize(&format!("{}/{}", base, path))
}

/// The folder that a path lies in.
pub fn parent(path: &str) -> String {
    join(path, "..")
}

/// The last name of a path; `None` for the root, and where it ends in `.` or `..` that cannot be taken back.
pub fn file_name(path: &str) -> Option<String> {
    match parts(path).names.last() {
        Some(&"..") | None => None,
        Some(&name) => Some(name.to_string()),
    }
}

/// The way from the folder `from` to `to`; `None` if the two paths alone do not tell it.
pub fn relative(from: &str, to: &str) -> Option<String> {
    let (from, to) = (parts(from), parts(to));
    if from.absolute != to.absolute {
        return None;
    }
    let common = from.names.iter().zip(&to.names).take_while(|(left, right)| left == right).count();
    let mut names = vec![".."; from.names.len() - common];
    names.extend(&to.names[common..]);
    Some(show(false, &names))
}

/// Is `path` the folder `root` or something within it?
pub fn is_inside(root: &str, path: &str) -> bool {
    normalize(path).starts_with(&normalize(root))
}
