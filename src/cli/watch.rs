//! `--watch`: what a running frontgate does, in a terminal, until q is pressed.

use std::io;
use std::io::{IsTerminal as _, Write, stdin, stdout};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{cursor, execute, queue};
use http::Method;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::admin_client::AdminClient;
use super::connections_table::{COLUMNS, HEAD, cells, clean};
use super::failure::CommandFailure;
use super::run::runtime;
use super::status_text::for_people;
use crate::observe::percent_encoding::encoded;

/// Shows the WebSockets that are meant.
pub(super) fn connections(client: &AdminClient, query: String) -> Result<(), CommandFailure> {
    watch(client, Screen { list: Some(ShownList { query, ..ShownList::default() }), ..Screen::default() })
}

/// Shows how it is.
pub(super) fn status(client: &AdminClient) -> Result<(), CommandFailure> {
    watch(client, Screen::default())
}

/// What is on the screen.
#[derive(Debug, Default)]
struct Screen {
    status: String,
    /// Why the latest question had no answer.
    error: Option<String>,
    list: Option<ShownList>,
}

/// The part of the list that is on the screen.
#[derive(Debug, Default)]
struct ShownList {
    /// What the command line asked for.
    query: String,
    /// The index in [`ORDERS`], once a key has chosen one.
    order: Option<usize>,
    reverse: bool,
    search: String,
    /// Whether letters go into `search`.
    typing: bool,
    /// The number of the first WebSocket that is shown.
    first: usize,
    total: usize,
    rows: Vec<[String; COLUMNS]>,
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
enum KeyAction {
    Quit,
    Refresh,
    None,
}

fn watch(client: &AdminClient, mut screen: Screen) -> Result<(), CommandFailure> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        return Err(anyhow!("--watch needs a terminal; --json is for programs").into());
    }
    let runtime = runtime()?;
    let taken = TakenTerminal::take().context("cannot use the terminal")?;
    let watched = run(&mut screen, |screen, rows| runtime.block_on(screen.ask(client, rows)));
    drop(taken);
    watched.context("cannot use the terminal").map_err(Into::into)
}

/// The terminal while it is drawn on; dropped, it is as it was before.
struct TakenTerminal;

impl TakenTerminal {
    fn take() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        // From here on a failure, too, gives it back.
        let taken = Self;
        execute!(stdout(), terminal::EnterAlternateScreen, terminal::DisableLineWrap, cursor::Hide)?;
        Ok(taken)
    }
}

impl Drop for TakenTerminal {
    fn drop(&mut self) {
        // There is nothing else to be done about a terminal that is gone.
        let _ = execute!(stdout(), cursor::Show, terminal::EnableLineWrap, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

fn run(screen: &mut Screen, ask: impl Fn(&mut Screen, usize)) -> io::Result<()> {
    loop {
        ask(screen, terminal::size()?.1.into());
        let until = Instant::now() + EVERY;
        loop {
            let (width, height) = terminal::size()?;
            draw(&mut stdout().lock(), &screen.lines(width.into(), height.into()))?;
            if !event::poll(until.saturating_duration_since(Instant::now()))? {
                break;
            }
            // A terminal of another size is drawn anew, and asked for as many rows.
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => match screen.press(key) {
                    KeyAction::Quit => return Ok(()),
                    KeyAction::Refresh => break,
                    KeyAction::None => {}
                },
                Event::Resize(..) => break,
                _ => {}
            }
        }
    }
}

impl Screen {
    /// Asks for what is shown next. An answer that does not come is said, and what was there stays.
    async fn ask(&mut self, client: &AdminClient, rows: usize) {
        let asked = async {
            let status = client.ask(Method::GET, "/status").await?.done()?;
            self.status = for_people(&status);
            if let Some(list) = &mut self.list {
                let said = client.ask(Method::GET, &list.path(rows)).await?.done()?;
                list.show(&said);
            }
            Ok::<_, CommandFailure>(())
        };
        self.error = match timeout(LONGEST_WAIT, asked).await {
            Ok(Ok(())) => None,
            Ok(Err(CommandFailure::Failed(error))) => Some(clean(&format!("{error:#}"))),
            Ok(Err(CommandFailure::Wrong(error))) => Some(error),
            Ok(Err(CommandFailure::Told)) | Err(_) => Some("it does not answer".to_owned()),
        };
    }

    fn press(&mut self, key: KeyEvent) -> KeyAction {
        let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        if is_interrupt {
            return KeyAction::Quit;
        }
        match &mut self.list {
            Some(list) if list.typing => list.type_in(key.code),
            _ if matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) => KeyAction::Quit,
            Some(list) => list.press(key.code),
            None => KeyAction::None,
        }
    }

    /// The lines for a terminal of this size.
    fn lines(&self, width: usize, height: usize) -> Vec<ShownLine> {
        let plain = |text: &str| ShownLine { text: text.chars().take(width).collect(), is_strong: false };
        let error = self.error.iter().map(String::as_str);
        let mut lines: Vec<_> = error.chain(self.status.lines()).map(plain).collect();
        if let Some(list) = &self.list {
            lines.truncate(2);
            lines.resize_with(2, || plain(""));
            lines.extend(list.table(width).iter().map(|row| plain(row)));
            lines.truncate(height.saturating_sub(1));
            lines.resize_with(height.saturating_sub(1), || plain(""));
            lines.push(plain(&list.foot()));
            for strong in [2, height.saturating_sub(1)] {
                if let Some(line) = lines.get_mut(strong) {
                    line.is_strong = true;
                }
            }
        }
        lines.truncate(height);
        lines
    }
}

/// A line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ShownLine {
    text: String,
    is_strong: bool,
}

/// Draws all lines at once, each over the one before, so that nothing flickers.
fn draw(out: &mut impl Write, lines: &[ShownLine]) -> io::Result<()> {
    queue!(out, terminal::BeginSynchronizedUpdate)?;
    for (row, line) in lines.iter().enumerate() {
        let attribute = if line.is_strong { Attribute::Reverse } else { Attribute::Reset };
        let row = u16::try_from(row).unwrap_or(u16::MAX);
        queue!(
            out,
            cursor::MoveTo(0, row),
            SetAttribute(attribute),
            Print(&line.text),
            SetAttribute(Attribute::Reset)
        )?;
        queue!(out, Clear(ClearType::UntilNewLine))?;
    }
    queue!(out, Clear(ClearType::FromCursorDown), terminal::EndSynchronizedUpdate)?;
    out.flush()
}

impl ShownList {
    /// The question for the WebSockets that fit on a terminal of so many rows.
    fn path(&self, rows: usize) -> String {
        let mut path = format!("/connections?offset={}&limit={}", self.first, rows.saturating_sub(AROUND).max(1));
        if !self.query.is_empty() {
            path = format!("{path}&{}", self.query);
        }
        // Of two values of a name the last one counts.
        if let Some(order) = self.order {
            let descending = if self.reverse { "" } else { "-" };
            path = format!("{path}&sort={descending}{}", ORDERS[order]);
        }
        if !self.search.is_empty() {
            path = format!("{path}&search={}", encoded(&self.search));
        }
        path
    }

    fn show(&mut self, said: &str) {
        let answer: Value = serde_json::from_str(said).unwrap_or_default();
        self.total = answer["total"].as_u64().and_then(|total| usize::try_from(total).ok()).unwrap_or_default();
        self.rows = answer["websockets"].as_array().into_iter().flatten().map(cells).collect();
        if self.rows.is_empty() {
            self.first = 0;
        }
    }

    fn press(&mut self, code: KeyCode) -> KeyAction {
        let page = self.rows.len().max(1);
        let last = self.total.saturating_sub(page);
        match code {
            KeyCode::Down | KeyCode::Char('j') => self.first = (self.first + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.first = self.first.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.first = (self.first + page).min(last),
            KeyCode::PageUp => self.first = self.first.saturating_sub(page),
            KeyCode::Home => self.first = 0,
            KeyCode::End => self.first = last,
            KeyCode::Char('s') => self.order = Some(self.order.map_or(0, |order| (order + 1) % ORDERS.len())),
            KeyCode::Char('r') => self.reverse = !self.reverse,
            KeyCode::Char('/') => self.typing = true,
            _ => return KeyAction::None,
        }
        KeyAction::Refresh
    }

    fn type_in(&mut self, code: KeyCode) -> KeyAction {
        match code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => (self.typing, self.search) = (false, String::new()),
            KeyCode::Backspace => drop(self.search.pop()),
            KeyCode::Char(char) if self.search.len() < LONGEST_SEARCH => self.search.push(char),
            _ => return KeyAction::None,
        }
        self.first = 0;
        KeyAction::Refresh
    }

    /// The columns that fit into so many characters, with their widths; the most telling ones first, shown in order.
    fn columns(&self, width: usize) -> Vec<(usize, usize)> {
        let needed = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([HEAD[column].len()]).max().unwrap_or_default()
        };
        let (mut left, mut shown) = (width, Vec::new());
        for column in MOST_TELLING {
            let needed = needed(column);
            if needed + 2 <= left || shown.is_empty() {
                shown.push((column, needed));
                left = left.saturating_sub(needed + 2);
            }
        }
        shown.sort_unstable();
        shown
    }

    /// The head of the table, and its rows.
    fn table(&self, width: usize) -> Vec<String> {
        let columns = self.columns(width);
        let line = |cells: &dyn Fn(usize) -> String| {
            let cells: Vec<_> =
                columns.iter().map(|(column, width)| format!("{:width$}", cells(*column), width = *width)).collect();
            cells.join("  ").trim_end().to_owned()
        };
        let head = line(&|column| HEAD[column].to_owned());
        let rows = self.rows.iter().map(|row| line(&|column| row[column].clone()));
        std::iter::once(head).chain(rows).collect()
    }

    fn foot(&self) -> String {
        if self.typing {
            return format!("search: {}_  (enter, esc)", self.search);
        }
        let order = self.order.map_or("age", |order| ORDERS[order]);
        let (first, last) = (self.first + usize::from(!self.rows.is_empty()), self.first + self.rows.len());
        let found = if self.search.is_empty() { String::new() } else { format!(" with {:?}", self.search) };
        format!("{first}-{last} of {}{found}, by {order}  q quit, s sort, r reverse, / search, arrows", self.total)
    }
}

/// What a key sorts by, one after the other.
const ORDERS: [&str; 7] = ["bytes", "messages", "idle", "ping", "client", "user", "age"];
/// The columns of [`HEAD`] in the order in which they are given up on a narrow terminal, the last one first.
const MOST_TELLING: [usize; COLUMNS] = [1, 4, 5, 7, 8, 2, 0, 6, 9, 10, 3];
/// Lines that are not of the list: two above it, its head, and one below.
const AROUND: usize = 4;
const EVERY: Duration = Duration::from_secs(1);
/// Keys wait for an answer no longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Bytes.
const LONGEST_SEARCH: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn screen() -> Screen {
        let row = |number: u32| {
            json!({ "id": format!("id-{number}"), "client": "203.0.113.5", "protocol": "h2", "connection": number,
                    "age": 60, "idle": 2, "state": "open", "host": "gw", "path": "/",
                    "from_client": { "messages": 1, "bytes": 10 }, "from_gateway": { "messages": 2, "bytes": 2048 } })
        };
        let mut list = ShownList::default();
        list.show(&json!({ "total": 40, "websockets": (0..10).map(row).collect::<Vec<_>>() }).to_string());
        Screen { status: "frontgate 1: ready\n3 connections\n".to_owned(), list: Some(list), ..Screen::default() }
    }

    fn drawn(screen: &Screen, width: usize, height: usize) -> Vec<String> {
        screen.lines(width, height).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_terminal_of_any_size_shows_what_fits() {
        let wide = drawn(&screen(), 120, 8);
        assert_eq!(wide[0], "frontgate 1: ready");
        assert_eq!(wide[2].split_whitespace().collect::<Vec<_>>()[..3], ["ID", "CLIENT", "USER"]);
        assert!(wide[3].starts_with("id-0") && wide[3].contains("10/2.0K"), "{wide:?}");
        assert!(wide[7].starts_with("1-10 of 40, by age"), "{wide:?}");
        let narrow = drawn(&screen(), 40, 8);
        assert_eq!(narrow[2].split_whitespace().collect::<Vec<_>>(), ["CLIENT", "USER", "AGE", "IDLE", "BYTES"]);
        for (width, height) in [(0, 0), (1, 1), (5, 3), (300, 100)] {
            let lines = drawn(&screen(), width, height);
            assert_eq!(lines.len(), height);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:?}");
        }
        let mut out = Vec::new();
        draw(&mut out, &screen().lines(80, 4)).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("frontgate 1: ready"));
        let failed = Screen { error: Some("it does not answer".to_owned()), ..screen() };
        assert_eq!(drawn(&failed, 80, 8)[0], "it does not answer");
    }

    #[test]
    fn keys_move_sort_search_and_quit() {
        let mut screen = screen();
        let mut press = |code| {
            let action = screen.press(KeyEvent::from(code));
            (action, screen.list.as_ref().unwrap().path(24))
        };
        assert_eq!(press(KeyCode::PageDown).1, "/connections?offset=10&limit=20");
        assert_eq!(press(KeyCode::End).1, "/connections?offset=30&limit=20");
        assert_eq!(press(KeyCode::Home).1, "/connections?offset=0&limit=20");
        assert_eq!(press(KeyCode::Char('s')).1, "/connections?offset=0&limit=20&sort=-bytes");
        assert_eq!(press(KeyCode::Char('r')).1, "/connections?offset=0&limit=20&sort=bytes");
        press(KeyCode::Char('/'));
        assert_eq!(
            press(KeyCode::Char('q')),
            (KeyAction::Refresh, "/connections?offset=0&limit=20&sort=bytes&search=q".into())
        );
        press(KeyCode::Enter);
        assert_eq!(press(KeyCode::Char('x')).0, KeyAction::None);
        assert_eq!(press(KeyCode::Char('q')).0, KeyAction::Quit);
    }
}
