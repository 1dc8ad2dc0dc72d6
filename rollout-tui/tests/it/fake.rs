//! A server in a thread, and the command line run against it in this process at a fixed time.

use crate::desk::NOW;
use rollout_core::time::Timestamp;
use rollout_tui::cli::progress::Progress;
use rollout_tui::cli::{World, run};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

/// One request.
pub struct Asked {
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn method(&self) -> &str {
        self.head.split_whitespace().next().unwrap_or_default()
    }

    pub fn path(&self) -> String {
        self.head.split_whitespace().nth(1).unwrap_or_default().replace("%40", "@")
    }

    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let (mut head, mut length, mut is_chunked) = (String::new(), 0, false);
        loop {
            let before = head.len();
            if reader.read_line(&mut head).expect("a line") <= 2 {
                break;
            }
            let line = head[before..].to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            is_chunked |= line.starts_with("transfer-encoding:");
        }
        // The chunks with their lengths, as they come; the last is empty.
        let mut chunks = Vec::new();
        while is_chunked && !chunks.ends_with(b"0\r\n\r\n") {
            reader.read_until(b'\n', &mut chunks).expect("a line");
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        body.extend(chunks);
        Self { head, body }
    }
}

/// A server that answers each request with a status and a document.
pub struct Fake {
    pub url: String,
}

impl Fake {
    pub fn start(mut answer: impl FnMut(&Asked) -> (u16, Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let asked = Asked::read(&stream);
                let (status, document) = answer(&asked);
                let document = document.to_string();
                let length = document.len();
                let shown = if asked.method() == "HEAD" { "" } else { document.as_str() };
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n");
                write!(stream, "{head}connection: close\r\n\r\n{shown}").expect("sent");
            }
        });
        Self { url }
    }

    /// Runs a command line; `./FILE` is a file of the folder. Exit code, stdout and stderr.
    pub fn said(&self, folder: &Path, arguments: &[&str]) -> (u8, String, String) {
        self.shown(folder, arguments, None)
    }

    /// The same on a terminal of so many columns.
    pub fn shown(
        &self,
        folder: &Path,
        arguments: &[&str],
        columns: Option<u16>,
    ) -> (u8, String, String) {
        let server = ["rollout", "--server", &self.url, "--token", "fota_op_secret"];
        let located = arguments.iter().map(|text| match text.strip_prefix("./") {
            Some(file) => folder.join(file).display().to_string(),
            None => (*text).to_string(),
        });
        let arguments: Vec<_> = server.map(String::from).into_iter().chain(located).collect();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let world = World {
            now: Timestamp(NOW.0 * 1000),
            config: folder.join("config.toml"),
            entropy: &mut |bytes| {
                bytes.fill(7);
                Ok(())
            },
            out: &mut out,
            err: &mut err,
            progress: Progress::Hidden,
            columns,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let code = runtime.block_on(run(arguments.into_iter().map(Into::into), world));
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let place = format!("{}/", folder.display());
        (code, text(out).replace(&place, ""), text(err).replace(&place, ""))
    }
}
