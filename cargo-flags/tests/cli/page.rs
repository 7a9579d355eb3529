//! The HTML page in a real browser: what it shows is what was found, and it sorts and filters.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use fantoccini::{Client, Locator};
use flags_workspace_tests::browser::look;
use serde_json::{Value, json};

use crate::made::{artifact, flag, site};
use crate::support::{cargo_flags, run};

const FLAGS: usize = 1000;
const EVIL: &str = "</script><script>window.pwned = 1</script><img src=x onerror=\"window.pwned = 2\">{{rows}}";

/// 1,000 flags and 3,000 places that read them.
fn records() -> Vec<Value> {
    let owners = ["payments", "search", "growth"];
    let flags = (0..FLAGS).map(|n| {
        let owner = owners.get(n % 4).map_or(Value::Null, |owner| json!(owner));
        let expires = format!("{}-{:02}-{:02}", 2026 + n / 12 % 3, 1 + n % 12, 1 + n % 28);
        let created = if n % 5 == 0 { Value::Null } else { json!(format!("2026-{:02}-{:02}", 1 + n % 10, 1 + n % 28)) };
        let doc = if n == 7 { EVIL.to_owned() } else { format!("Number {n}.") };
        let fields = json!({"owner": owner, "expires": expires, "created": created, "doc": doc, "line": n + 1});
        flag(&format!("flag_{n}"), ["shop", "api"][n % 2], fields)
    });
    let sites = (0..FLAGS * 3).map(|n| site(&format!("flag_{}", n % FLAGS), "shop", u32::try_from(n).unwrap() + 1));
    flags.chain(sites).collect()
}

async fn js(client: &Client, code: &str) -> Value {
    client.execute(code, Vec::new()).await.unwrap()
}

async fn click(client: &Client, selector: &str) {
    client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
}

/// The texts of a column's cells, of the rows that are shown.
async fn column(client: &Client, index: usize) -> Vec<String> {
    let code = format!(
        "return [...document.querySelectorAll('#flags tbody tr')].filter((row) => row.offsetParent !== null)
         .map((row) => row.cells[{index}].dataset.value);"
    );
    serde_json::from_value(js(client, &code).await).unwrap()
}

/// Waits until so many rows are shown.
async fn expect(client: &Client, count: impl std::fmt::Display) {
    let expected = format!("{count} of {FLAGS} shown");
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        let shown = client.find(Locator::Css("#shown")).await.unwrap().text().await.unwrap();
        if shown == expected {
            return;
        }
        assert!(Instant::now() < give_up, "{shown}, not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_person_finds_sorts_and_filters_a_thousand_flags() {
    let folder = tempfile::tempdir().unwrap();
    let file = artifact(folder.path(), "many", &records());
    let audit = |format: &str| {
        let mut command = cargo_flags();
        run(command
            .args(["audit", "--as-of", "2026-11-01", "--skip", "old", "--format", format, "--artifact"])
            .arg(&file))
    };
    let json = audit("json").json();
    let count = |kind: &str| json["kinds"][kind].as_u64().unwrap().to_string();
    let (expired, expiring) = (count("expired"), count("expiring"));
    let flawed: BTreeSet<_> =
        json["findings"].as_array().unwrap().iter().map(|finding| finding["flag"].to_string()).collect();
    let flawed = flawed.len();
    let html = audit("html").done();
    assert!(!html.contains("http://") && !html.contains("https://"), "it needs nothing else");
    let page = folder.path().join("flags.html");
    fs::write(&page, html).unwrap();

    look(&format!("file://{}", page.display()), |client| async move {
        assert_eq!(client.title().await.unwrap(), "Feature flags on 2026-11-01");
        expect(&client, FLAGS).await;
        assert_eq!(js(&client, "return window.pwned ?? null").await, Value::Null);
        assert_eq!(js(&client, "return performance.getEntriesByType('resource').length").await, 0);
        let doc = js(&client, "return document.getElementById('api.flag_7').querySelector('small').textContent").await;
        assert_eq!(doc, EVIL, "as it was written, and as text");

        // The tiles and the select say the same, and each filters.
        click(&client, "button[data-kind=expired]").await;
        expect(&client, &expired).await;
        assert!(column(&client, 6).await.iter().all(|date| &**date < "2026-11-01"));
        client.find(Locator::Css("#kind")).await.unwrap().select_by_label("expiring").await.unwrap();
        expect(&client, &expiring).await;
        client.find(Locator::Css("#kind")).await.unwrap().select_by_label("any").await.unwrap();
        expect(&client, &flawed).await;
        let with_findings = column(&client, 8).await;
        assert!(!with_findings.is_empty() && with_findings.iter().all(|count| count != "0"));
        click(&client, "#reset").await;
        expect(&client, FLAGS).await;

        // Whose they are.
        click(&client, "button[data-owner=growth]").await;
        expect(&client, 250).await;
        assert!(column(&client, 1).await.iter().all(|owner| owner == "growth"));
        client.find(Locator::Css("#find")).await.unwrap().send_keys("API flag_99").await.unwrap();
        expect(&client, 0).await;
        assert_eq!(column(&client, 0).await, [""; 0], "flags of growth have even numbers, those of api odd ones");
        click(&client, "#reset").await;
        client.find(Locator::Css("#find")).await.unwrap().send_keys("api FLAG_99").await.unwrap();
        expect(&client, 6).await;
        assert_eq!(column(&client, 0).await, ["flag_99", "flag_991", "flag_993", "flag_995", "flag_997", "flag_999"]);
        click(&client, "#reset").await;

        // Numbers are sorted as numbers, and what is not known stands at the end both ways.
        let ages = |texts: Vec<String>| texts.iter().map(|age| age.parse::<i64>().ok()).collect::<Vec<_>>();
        for (word, is_up) in [("ascending", true), ("descending", false)] {
            click(&client, "#flags th:nth-child(6) button").await;
            let header = client.find(Locator::Css("#flags th:nth-child(6)")).await.unwrap();
            assert_eq!(header.attr("aria-sort").await.unwrap().as_deref(), Some(word));
            let ages = ages(column(&client, 5).await);
            let (known, unknown) = ages.split_at(FLAGS / 5 * 4);
            assert!(unknown.iter().all(Option::is_none) && known.iter().all(Option::is_some), "{word}");
            assert!(if is_up { known.is_sorted() } else { known.iter().rev().is_sorted() }, "{word}: {known:?}");
        }
        click(&client, "#flags th:nth-child(1) button").await;
        assert_eq!(column(&client, 0).await[..3], ["flag_0", "flag_1", "flag_2"], "as people count");
        click(&client, "#flags th:nth-child(7) button").await;
        assert!(column(&client, 6).await.is_sorted());
        let sorted = js(&client, "return document.querySelectorAll('#flags th[aria-sort]').length").await;
        assert_eq!(sorted, 1);
        // Filters and order hold together.
        client.find(Locator::Css("#owner")).await.unwrap().select_by_label("search").await.unwrap();
        expect(&client, 250).await;
        let dates = column(&client, 6).await;
        assert!(dates.len() == 250 && dates.is_sorted());
        click(&client, "#reset").await;

        // Each flag is one dot of the timeline, which leads to it.
        assert_eq!(js(&client, "return document.querySelectorAll('.timeline a').length").await, FLAGS);
        assert_eq!(js(&client, "return document.querySelectorAll('.timeline .now').length").await, 1);
        click(&client, ".timeline a[href='#shop.flag_10']").await;
        let in_view = "const box = document.querySelector('tr:target').getBoundingClientRect();
                       return box.top >= 0 && box.bottom <= innerHeight && document.querySelector('tr:target').id;";
        assert_eq!(js(&client, in_view).await, "shop.flag_10");
        // The places that read it are behind their number.
        click(&client, "tr:target .number summary").await;
        let places = client.find(Locator::Css("tr:target .number ul")).await.unwrap().text().await.unwrap();
        assert_eq!(
            places.lines().collect::<Vec<_>>(),
            [
                "declared at shop/src/lib.rs:11:12",
                "shop/src/main.rs:11:8",
                "shop/src/main.rs:1011:8",
                "shop/src/main.rs:2011:8"
            ]
        );
    });
}
