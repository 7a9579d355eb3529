//! Fleets of servers: a primary with replicas and sentinels, and a cluster; real processes, gone when dropped.

use std::time::Duration;

use crate::eventually;
use crate::redis::RedisServer;

/// What the sentinels call the primary.
pub const NAME: &str = "flags";

/// How long a failover or the forming of a cluster may take.
const FORMING: Duration = Duration::from_secs(30);

/// Three sentinels of one primary.
#[derive(Debug)]
pub struct Sentinels {
    sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// Starts them, and waits until they know each other and `replicas` replicas.
    pub fn of(primary: &RedisServer, replicas: usize) -> Self {
        let port = primary.port();
        let lines = |_| {
            vec![
                format!("sentinel monitor {NAME} 127.0.0.1 {port} 2"),
                format!("sentinel down-after-milliseconds {NAME} 500"),
                format!("sentinel failover-timeout {NAME} 3000"),
            ]
        };
        let sentinels: Vec<_> = (0..3).map(|_| RedisServer::on_some_port(lines, true)).collect();
        let know_all = || {
            sentinels.iter().all(|sentinel| {
                let said = sentinel.cli(&["SENTINEL", "MASTER", NAME]);
                let value = |name: &str| said.lines().skip_while(|line| *line != name).nth(1).map(str::to_owned);
                value("num-other-sentinels").as_deref() == Some("2")
                    && value("num-slaves").is_some_and(|known| known == replicas.to_string())
            })
        };
        assert!(eventually(FORMING, know_all), "the sentinels do not find each other");
        Self { sentinels }
    }

    /// Their URL, with what stands before the hosts: a login with its `@`, or nothing.
    pub fn url(&self, login: &str) -> String {
        let hosts: Vec<_> = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port())).collect();
        format!("redis+sentinel://{login}{}/{NAME}", hosts.join(","))
    }

    /// One of the three.
    pub fn sentinel(&self, index: usize) -> &RedisServer {
        &self.sentinels[index]
    }

    /// Kills all of them.
    pub fn kill_all(&mut self) {
        self.sentinels.iter_mut().for_each(RedisServer::kill);
    }

    /// Waits until most of them name this server the primary.
    pub fn wait_for_primary(&self, port: u16) {
        let is_named = |sentinel: &&RedisServer| {
            sentinel.cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).ends_with(&port.to_string())
        };
        let most = || self.sentinels.iter().filter(is_named).count() >= 2;
        assert!(eventually(FORMING, most), "no failover to port {port}");
    }
}

/// A cluster of three primaries, without replicas unless asked for.
#[derive(Debug)]
pub struct Cluster {
    /// The primaries, in the order of their slots.
    pub nodes: Vec<RedisServer>,
}

impl Cluster {
    /// Starts it, and waits until it serves all slots.
    pub fn start() -> Self {
        // The bus has a port of its own, which may be too high by default.
        let lines = |port: u16| {
            vec![
                "cluster-enabled yes".to_owned(),
                "cluster-node-timeout 2000".to_owned(),
                format!("cluster-port {}", bus_port(port)),
            ]
        };
        let nodes: Vec<_> = (0..4).map(|_| RedisServer::on_some_port(lines, false)).collect();
        for (node, slots) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")]) {
            node.cli(&["CLUSTER", "ADDSLOTSRANGE", slots.0, slots.1]);
        }
        for node in &nodes[1..] {
            let port = node.port();
            nodes[0].cli(&["CLUSTER", "MEET", "127.0.0.1", &port.to_string(), &bus_port(port).to_string()]);
        }
        let cluster = Self { nodes };
        cluster.wait_until_whole();
        cluster
    }

    /// Waits until every node knows all others and that all slots are served.
    pub fn wait_until_whole(&self) {
        let is_whole = |node: &RedisServer| {
            let said = node.cli(&["CLUSTER", "INFO"]);
            said.contains("cluster_state:ok") && said.contains(&format!("cluster_known_nodes:{}", self.nodes.len()))
        };
        assert!(eventually(FORMING, || self.nodes.iter().all(is_whole)), "the cluster does not form");
    }

    /// Its URL, by its first node, with what stands before the host: a login with its `@`, or nothing.
    pub fn url(&self, login: &str) -> String {
        format!("redis+cluster://{login}127.0.0.1:{}", self.nodes[0].port())
    }

    /// The slot of a key.
    pub fn slot(&self, key: &str) -> u16 {
        self.nodes[0].cli(&["CLUSTER", "KEYSLOT", key]).parse().expect("a slot")
    }

    /// The primary that starts with the slot of a key.
    pub fn home(&self, key: &str) -> &RedisServer {
        let slot = self.slot(key);
        &self.nodes[usize::from(slot / 5461)]
    }

    /// Moves a slot with its keys to another node, as `redis-cli --cluster reshard` does.
    pub fn move_slot(&self, slot: u16, from: &RedisServer, to: &RedisServer) {
        let slot = slot.to_string();
        let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]), to.cli(&["CLUSTER", "MYID"]));
        to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        for key in from.cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]).lines() {
            from.cli(&["MIGRATE", "127.0.0.1", &to.port().to_string(), key, "0", "5000"]);
        }
        for node in [to, from].into_iter().chain(&self.nodes) {
            node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }
}

fn bus_port(port: u16) -> u16 {
    if port > 40_000 { port - 20_000 } else { port + 20_000 }
}
