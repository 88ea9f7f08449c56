//! The real RedoxFS as a witness: makes images, applies scripts of operations to them, and prints
//! what it reads. It uses nothing but the public interface of the `redoxfs` crate.
//!
//! oracle mkfs IMG            makes a file system in the existing file IMG
//! oracle apply IMG SCRIPT    one operation per line, see `apply`
//! oracle list IMG            one line per object, then the allocation, all read by the real code

use redoxfs::{
    BlockData, BlockPtr, Disk, DiskFile, FileSystem, Node, Transaction, TreeList, TreePtr,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["mkfs", image] => {
            FileSystem::create(open(image)?, None, 1_700_000_000, 5).map_err(text)?;
        }
        ["apply", image, script] => {
            let mut fs = FileSystem::open(open(image)?, None, None, true).map_err(text)?;
            for line in std::fs::read_to_string(script)?.lines() {
                apply(&mut fs, line).map_err(|error| format!("{line}: {error}"))?;
            }
            fs.cleanup().map_err(text)?;
        }
        ["list", image] => {
            // Without cleanup: the image must be read as it is, not as it is after a repair.
            let mut fs = FileSystem::open(open(image)?, None, None, false).map_err(text)?;
            print!("{}", list(&mut fs)?);
        }
        _ => return Err("usage: oracle mkfs IMG | apply IMG SCRIPT | list IMG".into()),
    }
    Ok(())
}

fn open(image: &str) -> Result<DiskFile, Failure> {
    Ok(DiskFile::open(image).map_err(text)?)
}

fn text(error: syscall::error::Error) -> Failure {
    format!("errno {}", error.errno).into()
}

/// Bytes that both sides make from the same three numbers.
/// Kind 0: zeros. 1: a pattern that compresses. 2: xorshift32, which does not.
fn content(kind: u32, seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|i| match kind {
            0 => 0,
            1 => ((i / 7) as u32).wrapping_add(seed) as u8,
            _ => {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as u8
            }
        })
        .collect()
}

fn find<D: Disk>(tx: &mut Transaction<D>, path: &str) -> syscall::error::Result<TreePtr<Node>> {
    let mut node = TreePtr::root();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        node = tx.find_node(node, name)?.ptr();
    }
    Ok(node)
}

fn parent<'a, D: Disk>(
    tx: &mut Transaction<D>,
    path: &'a str,
) -> syscall::error::Result<(TreePtr<Node>, &'a str)> {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    Ok((find(tx, above)?, name))
}

/// mkdir P | create P | symlink P TARGET | write P OFFSET LENGTH KIND SEED | truncate P SIZE |
/// link OLD NEW | rename OLD NEW | unlink P | rmdir P
fn apply<D: Disk>(fs: &mut FileSystem<D>, line: &str) -> Result<(), Failure> {
    let words: Vec<&str> = line.split(' ').collect();
    fs.tx(|tx| {
        let number = |word: &str| word.parse::<u64>().expect("a number");
        match words.as_slice() {
            ["mkdir", path] => {
                let (above, name) = parent(tx, path)?;
                tx.create_node(above, name, Node::MODE_DIR | 0o755, 1_700_000_001, 7)?;
            }
            ["create", path] => {
                let (above, name) = parent(tx, path)?;
                tx.create_node(above, name, Node::MODE_FILE | 0o644, 1_700_000_002, 8)?;
            }
            ["symlink", path, target] => {
                let (above, name) = parent(tx, path)?;
                let mode = Node::MODE_SYMLINK | 0o777;
                let node = tx.create_node(above, name, mode, 1_700_000_003, 9)?;
                tx.write_node(node.ptr(), 0, target.as_bytes(), 1_700_000_003, 9)?;
            }
            ["write", path, offset, length, kind, seed] => {
                let node = find(tx, path)?;
                let bytes =
                    content(number(kind) as u32, number(seed) as u32, number(length) as usize);
                tx.write_node(node, number(offset), &bytes, 1_700_000_004, 10)?;
            }
            ["truncate", path, size] => {
                let node = find(tx, path)?;
                tx.truncate_node(node, number(size), 1_700_000_005, 11)?;
            }
            ["link", old, new] => {
                let node = find(tx, old)?;
                let (above, name) = parent(tx, new)?;
                tx.link_node(above, name, node)?;
            }
            ["rename", old, new] => {
                let (from, old_name) = parent(tx, old)?;
                let (to, new_name) = parent(tx, new)?;
                tx.rename_node(from, old_name, to, new_name)?;
            }
            ["unlink", path] => {
                let (above, name) = parent(tx, path)?;
                tx.remove_node(above, name, Node::MODE_FILE)?;
            }
            ["rmdir", path] => {
                let (above, name) = parent(tx, path)?;
                tx.remove_node(above, name, Node::MODE_DIR)?;
            }
            _ => panic!("unknown operation"),
        }
        Ok(())
    })
    .map_err(text)
}

/// `PATH KIND MODE UID GID LINKS SIZE BLOCKS MTIME.NSEC HASH`, sorted by path, then
/// `space TOTAL FREE USED`: used is counted from what is reachable, free is the allocator's.
fn list<D: Disk>(fs: &mut FileSystem<D>) -> Result<String, Failure> {
    let total = fs.header.size() / 4096;
    let free = fs.allocator().free();
    let mut lines = Vec::new();
    let mut nodes: BTreeMap<u32, u64> = BTreeMap::new();
    let used = fs
        .tx(|tx| {
            walk(tx, TreePtr::root(), "", &mut lines, &mut nodes)?;
            Ok(tree_blocks(tx)? + chain_blocks(tx)?)
        })
        .map_err(text)?;
    lines.sort();
    let mut all = lines.concat();
    // 256 headers and one block that the format leaves out.
    let used = used + nodes.values().sum::<u64>() + 257;
    writeln!(all, "space {total} {free} {used}")?;
    Ok(all)
}

fn walk<D: Disk>(
    tx: &mut Transaction<D>,
    ptr: TreePtr<Node>,
    path: &str,
    lines: &mut Vec<String>,
    nodes: &mut BTreeMap<u32, u64>,
) -> syscall::error::Result<()> {
    let tree = tx.read_tree(ptr)?;
    let node = tree.data();
    nodes.insert(ptr.id(), node.blocks());
    let kind = match node.mode() & Node::MODE_TYPE {
        Node::MODE_DIR => "directory",
        Node::MODE_SYMLINK => "symlink",
        Node::MODE_FILE => "file",
        _ => "other",
    };
    let hash = if node.is_dir() { 0 } else { hash_of(tx, ptr, node.size())? };
    let (seconds, nanoseconds) = node.mtime();
    let name = if path.is_empty() { "/" } else { path };
    let size = if node.is_dir() { 0 } else { node.size() };
    lines.push(format!(
        "{name} {kind} {:o} {} {} {} {size} {} {seconds}.{nanoseconds} {hash:016x}\n",
        node.mode() & Node::MODE_PERM,
        node.uid(),
        node.gid(),
        node.links(),
        node.blocks(),
    ));
    if node.is_dir() {
        let mut children = Vec::new();
        tx.child_nodes(ptr, &mut children)?;
        for child in children {
            let name = child.name().expect("a name in UTF-8").to_string();
            // Found by name, too: a listing alone does not prove that the H-tree is searchable.
            assert_eq!(tx.find_node(ptr, &name)?.id(), child.node_ptr().id());
            walk(tx, child.node_ptr(), &format!("{path}/{name}"), lines, nodes)?;
        }
    }
    Ok(())
}

/// SeaHash over the contents, 64 KiB at a time so that huge sparse files need no memory: each piece
/// that is not zero is hashed with its offset, and the hashes are added up.
fn hash_of<D: Disk>(
    tx: &mut Transaction<D>,
    ptr: TreePtr<Node>,
    size: u64,
) -> syscall::error::Result<u64> {
    let mut sum = 0_u64;
    let mut offset = 0;
    let mut buffer = vec![0; 65536];
    let node = tx.read_tree(ptr)?;
    while offset < size {
        let count = tx.read_node_inner(&node, offset, &mut buffer)?;
        assert!(count > 0, "a read within the size returns bytes");
        if buffer[..count].iter().any(|byte| *byte != 0) {
            sum = sum.wrapping_add(seahash::hash(&buffer[..count]).rotate_left((offset >> 16) as u32));
        }
        offset += count as u64;
    }
    Ok(sum)
}

fn tree_blocks<D: Disk>(tx: &mut Transaction<D>) -> syscall::error::Result<u64> {
    let root: BlockPtr<TreeList<redoxfs::BlockRaw>> = unsafe { tx.header.tree.cast() };
    lists_below(tx, root, 3)
}

fn lists_below<D: Disk>(
    tx: &mut Transaction<D>,
    ptr: BlockPtr<TreeList<redoxfs::BlockRaw>>,
    level: u32,
) -> syscall::error::Result<u64> {
    let list: BlockData<TreeList<redoxfs::BlockRaw>> = tx.read_block(ptr)?;
    let mut count = 1;
    if level > 0 {
        let ptrs = list.data().ptrs;
        for child in ptrs.iter().filter(|child| !child.is_null()) {
            count += lists_below(tx, unsafe { child.cast() }, level - 1)?;
        }
    }
    Ok(count)
}

fn chain_blocks<D: Disk>(tx: &mut Transaction<D>) -> syscall::error::Result<u64> {
    let mut count = 0;
    let mut alloc = tx.header.alloc;
    while !alloc.is_null() {
        alloc = tx.read_block(alloc)?.data().prev;
        count += 1;
    }
    let mut release = tx.header.release;
    while !release.is_null() {
        release = tx.read_block(release)?.data().prev;
        count += 1;
    }
    Ok(count)
}
