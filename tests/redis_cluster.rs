//! Documents in a cluster: real nodes, slots that move, and a primary that goes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use flags_runtime::source::redis::admin::{Admin, AuditNote, NewDocument, Role, Stand};
use flags_runtime::source::redis::{Prefix, RedisSource};
use flags_runtime::source::{Change, Mode, Source, SourceErrorKind};
use flags_runtime::{Flag, builder, feature_flag};
use flags_workspace_tests::eventually;
use flags_workspace_tests::fleet::Cluster;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::turn::Turn;

#[feature_flag(name = "cluster_flag", default = false, expires = "2099-01-01")]
static CLUSTER_FLAG: Flag<bool>;

const SLICE: Duration = Duration::from_millis(250);
const SOON: Duration = Duration::from_secs(10);

fn source(cluster: &Cluster) -> RedisSource {
    RedisSource::new(&cluster.url("")).unwrap()
}

/// Follows a source until it tells of this key.
fn hears_of(source: &mut RedisSource, key: &str) -> bool {
    eventually(SOON, || match source.wait(SLICE) {
        Ok(Change::Keys(keys)) => keys.iter().any(|changed| changed == key),
        Ok(Change::Everything) => true,
        Ok(_) => false,
        Err(_) => source.fetch(&[key]).is_ok(),
    })
}

#[test]
fn documents_are_read_and_pushed_from_every_primary() {
    let cluster = Cluster::start();
    let names: Vec<_> = (0..700).map(|number| format!("flag{number}")).collect();
    let homes: BTreeSet<_> = names.iter().map(|name| cluster.home(&format!("ff:{name}")).port()).take(50).collect();
    assert_eq!(homes.len(), 3, "the names of this test are not at every primary");
    for name in names.iter().take(50) {
        cluster.home(&format!("ff:{name}")).cli(&["SET", &format!("ff:{name}"), name]);
    }
    let mut source = source(&cluster);
    let asked: Vec<_> = names.iter().map(String::as_str).collect();
    let expected: Vec<_> =
        names.iter().enumerate().map(|(at, name)| (at < 50).then(|| name.clone().into_bytes())).collect();
    assert_eq!(source.fetch(&asked).unwrap(), expected);
    assert_eq!(source.mode(), Mode::Push);
    for name in &names[..6] {
        cluster.home(&format!("ff:{name}")).cli(&["SET", &format!("ff:{name}"), "new"]);
        assert!(hears_of(&mut source, name), "{name}");
        assert_eq!(source.fetch(&[name]).unwrap(), [Some(b"new".to_vec())]);
    }
    cluster.nodes[2].cli(&["FLUSHALL"]);
    assert!(eventually(SOON, || source.wait(SLICE).unwrap() == Change::Everything));
}

#[test]
fn a_list_at_a_key_is_told_from_no_document_in_a_cluster_too() {
    let cluster = Cluster::start();
    cluster.home("ff:a").cli(&["RPUSH", "ff:a", "1"]);
    let mut source = source(&cluster);
    assert_eq!(source.fetch(&["a", "b", "c"]).unwrap(), [None, None, None]);
    assert_eq!(source.unreadable().len(), 1);
}

#[test]
fn a_slot_that_moves_loses_no_update() {
    let cluster = Cluster::start();
    let (from, to) = (cluster.home("ff:a"), &cluster.nodes[3]);
    from.cli(&["SET", "ff:a", "1"]);
    let mut source = source(&cluster);
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    cluster.move_slot(cluster.slot("ff:a"), from, to);
    // The document is there all the while, wherever it is.
    assert!(eventually(SOON, || source.fetch(&["a"]).is_ok_and(|read| read == [Some(b"1".to_vec())])));
    to.cli(&["SET", "ff:a", "2"]);
    assert!(eventually(SOON, || {
        let _ = source.wait(SLICE);
        source.fetch(&["a"]).is_ok_and(|read| read == [Some(b"2".to_vec())])
    }));
    // Its new home pushes from then on.
    let is_pushed = |text: &str| {
        to.cli(&["SET", "ff:a", text]);
        source.fetch(&["a"]).is_ok() && hears_of(&mut source, "a")
    };
    assert!(["3", "4"].into_iter().all(is_pushed));
}

#[test]
fn a_slot_on_its_way_is_read_where_its_keys_are() {
    let cluster = Cluster::start();
    let (from, to) = (cluster.home("ff:a"), &cluster.nodes[3]);
    let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]), to.cli(&["CLUSTER", "MYID"]));
    let slot = cluster.slot("ff:a").to_string();
    from.cli(&["SET", "ff:a", "1"]);
    let mut source = source(&cluster);
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    from.cli(&["MIGRATE", "127.0.0.1", &to.port().to_string(), "ff:a", "0", "5000"]);
    // The old home answers ASK now.
    assert_eq!(source.fetch(&["a", "b"]).unwrap(), [Some(b"1".to_vec()), None]);
}

/// A name whose document is at this node.
fn name_at(cluster: &Cluster, node: usize) -> String {
    let mut names = (0..100).map(|n| format!("flag{n}"));
    let is_there = |name: &String| cluster.home(&format!("ff:{name}")).port() == cluster.nodes[node].port();
    names.find(is_there).expect("some name is there")
}

#[test]
fn a_primary_that_is_gone_keeps_back_its_own_documents_only() {
    let mut cluster = Cluster::start();
    for node in &cluster.nodes {
        // Else the others refuse too once they know of it.
        node.cli(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let (here, there) = (name_at(&cluster, 0), name_at(&cluster, 2));
    for (name, node) in [(&here, 0), (&there, 2)] {
        cluster.nodes[node].cli(&["SET", &format!("ff:{name}"), "1"]);
    }
    let mut source = source(&cluster);
    let both = [here.as_str(), there.as_str()];
    assert_eq!(source.fetch(&both).unwrap(), [Some(b"1".to_vec()), Some(b"1".to_vec())]);
    assert!(source.unreached().is_empty());
    cluster.nodes[2].kill();
    let port = cluster.nodes[2].port().to_string();
    let is_told = || source.trouble().is_some_and(|trouble| trouble.contains(&port));
    assert!(eventually(SOON, is_told), "{:?}", source.trouble());
    // A kill at another primary is heard of and obeyed.
    cluster.nodes[0].cli(&["SET", &format!("ff:{here}"), "2"]);
    assert!(hears_of(&mut source, &here));
    assert_eq!(source.fetch(&both).unwrap(), [Some(b"2".to_vec()), None]);
    assert_eq!(source.unreached(), [there.as_str()]);
    cluster.nodes[2].restart();
    assert!(eventually(SOON * 3, || source.wait(SLICE).is_ok_and(|change| change == Change::Everything)));
    assert!(eventually(SOON, || source.fetch(&both).is_ok() && source.unreached().is_empty()));
    assert_eq!(source.trouble(), None);
}

#[test]
fn connections_that_the_servers_closed_while_they_were_idle_are_no_news() {
    let cluster = Cluster::start();
    let names = [name_at(&cluster, 0), name_at(&cluster, 1), name_at(&cluster, 2)];
    let mut source = source(&cluster);
    let asked: Vec<_> = names.iter().map(String::as_str).collect();
    source.fetch(&asked).unwrap();
    for node in &cluster.nodes {
        node.cli(&["CONFIG", "SET", "timeout", "3"]);
    }
    // Listeners send PINGs, and the scout that asks for the slots may come back before its own connection is closed.
    let is_of_a_reader = |line: &&str| !line.contains("flags=t") && !line.contains("cmd=cluster|slots");
    let is_idle = |line: &&str| line.contains("name=flags-runtime") && is_of_a_reader(line);
    let idle = || {
        cluster.nodes.iter().map(|node| node.cli(&["CLIENT", "LIST"]).lines().filter(is_idle).count()).sum::<usize>()
    };
    assert!(eventually(SOON, || idle() == 0 || source.wait(SLICE).is_err()), "{} idle connections", idle());
    assert_eq!(source.fetch(&asked).unwrap().len(), 3);
    assert!(source.unreached().is_empty());
}

#[test]
fn a_primary_that_hangs_keeps_nobody_waiting_for_long() {
    let cluster = Cluster::start();
    for node in &cluster.nodes {
        node.cli(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let here = name_at(&cluster, 0);
    let names: Vec<_> = (0..2000).map(|n| format!("flag{n}")).collect();
    let mut source = source(&cluster);
    source.fetch(&[&here]).unwrap();
    cluster.nodes[2].stop_process();
    let start = Instant::now();
    let asked: Vec<_> = names.iter().map(String::as_str).collect();
    source.fetch(&asked).unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(source.unreached().len() > 400, "{}", source.unreached().len());
    cluster.nodes[0].cli(&["SET", &format!("ff:{here}"), "2"]);
    assert!(hears_of(&mut source, &here));
    assert_eq!(source.fetch(&[&here]).unwrap(), [Some(b"2".to_vec())]);
    cluster.nodes[2].continue_process();
}

#[test]
fn a_cluster_that_refuses_as_a_whole_is_lost_and_found_again() {
    let mut cluster = Cluster::start();
    let mut source = source(&cluster);
    let here = name_at(&cluster, 0);
    source.fetch(&[&here]).unwrap();
    cluster.nodes[2].kill();
    let refuses = || source.fetch(&[&here]).is_err_and(|error| error.to_string().contains("CLUSTERDOWN"));
    assert!(eventually(SOON * 3, refuses));
    cluster.nodes[2].restart();
    assert!(eventually(SOON * 3, || source.fetch(&[&here]).is_ok()), "{:?}", source.fetch(&[&here]));
}

#[test]
fn writes_and_their_trail_are_in_one_slot() {
    let cluster = Cluster::start();
    let mut admin = Admin::connect(&cluster.url(""), "ff:").unwrap();
    let note = AuditNote::new("a test");
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        admin.write(name, None, &NewDocument::default().enabled(true), &note).unwrap();
        admin.disable(name, &note).unwrap();
        assert_eq!(cluster.home(&format!("ff:{name}")).cli(&["XLEN", &format!("ff-audit:{{ff:{name}}}")]), "2");
        assert_eq!(admin.history(Some(name), 10).unwrap().len(), 2);
    }
    let all = admin.history(None, 100).unwrap();
    assert_eq!(all.len(), 2 * names.len());
    assert!(all.windows(2).all(|pair| pair[0].at >= pair[1].at), "newest first");
    assert_eq!(admin.history(None, 3).unwrap(), all[..3]);
}

#[test]
fn roles_have_the_rights_that_a_cluster_needs() {
    let cluster = Cluster::start();
    for (user, role) in [("reader", Role::Reader), ("writer", Role::Writer)] {
        let rules = role.rules(&Prefix::default(), None);
        for node in &cluster.nodes {
            let words =
                ["ACL", "SETUSER", user, "reset", "on", ">pw"].into_iter().chain(rules.iter().map(String::as_str));
            node.cli(&words.collect::<Vec<_>>());
        }
    }
    let mut admin = Admin::connect(&cluster.url("writer:pw@"), "ff:").unwrap();
    admin.disable("a", &AuditNote::new("a test")).unwrap();
    assert_eq!(admin.history(None, 10).unwrap()[0].acl_user, "writer");
    assert_eq!(admin.documents().unwrap().len(), 1);
    cluster.home("ff:b").cli(&["RPUSH", "ff:b", "1"]);
    let mut source = RedisSource::new(&cluster.url("reader:pw@")).unwrap();
    assert!(source.fetch(&["a"]).unwrap()[0].is_some());
    assert_eq!(source.mode(), Mode::Push);
    source.fetch(&["b"]).unwrap();
    assert_eq!(source.unreadable().len(), 1);
}

#[test]
fn a_dropped_source_leaves_no_connection_at_any_node() {
    let cluster = Cluster::start();
    let connections = || {
        let of = |node: &RedisServer| node.cli(&["CLIENT", "LIST"]).matches("name=flags-runtime").count();
        cluster.nodes.iter().map(of).sum::<usize>()
    };
    let mut source = source(&cluster);
    source.fetch(&["a"]).unwrap();
    assert!(connections() >= 3);
    drop(source);
    assert!(eventually(SOON, || connections() == 0), "{} connections are left", connections());
}

#[test]
fn a_server_that_is_no_cluster_says_so_and_a_node_of_one_names_the_scheme() {
    let server = RedisServer::start();
    let url = format!("redis+cluster://127.0.0.1:{}", server.port());
    let error = RedisSource::new(&url).unwrap().fetch(&["a"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Configuration);
    assert!(error.to_string().contains("without a cluster write `redis://`"), "{error}");

    let cluster = Cluster::start();
    let elsewhere = (0..100)
        .map(|n| format!("flag{n}"))
        .find(|n| cluster.home(&format!("ff:{n}")).port() != cluster.nodes[0].port());
    let error = RedisSource::new(&cluster.nodes[0].url()).unwrap().fetch(&[&elsewhere.unwrap()]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Configuration);
    assert!(error.to_string().contains("`redis+cluster://`"), "{error}");
}

#[test]
fn a_fleet_on_a_cluster_tells_of_itself() {
    let _turn = Turn::take();
    let cluster = Cluster::start();
    let mut admin = Admin::connect(&cluster.url(""), "ff:").unwrap();
    let guard = builder().source(source(&cluster)).service("shop").start().unwrap();
    guard.wait_ready(SOON).unwrap();
    admin.write("cluster_flag", None, &NewDocument::default().enabled(true), &AuditNote::new("a test")).unwrap();
    assert!(eventually(SOON, || CLUSTER_FLAG.get()), "{:?}", guard.status());
    let has_told =
        || admin.spread("cluster_flag", None).unwrap().processes.iter().any(|(_, stand)| *stand == Stand::Applied);
    assert!(eventually(SOON, has_told), "{:?}", admin.fleet());
    assert_eq!(admin.fleet().unwrap().items[0].service, "shop");
    assert!(eventually(SOON, || admin.builds(10).is_ok_and(|builds| !builds.items.is_empty())));
    drop(guard);
    assert!(admin.fleet().unwrap().items.is_empty());
}
