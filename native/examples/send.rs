//! Sends a file or a directory: `cargo run --example send -- PATH [CODE]`.

use hayate::{Event, HayateSender, Payload};

#[compio::main]
async fn main() -> Result<(), hayate::Error> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: send PATH [CODE]");
        std::process::exit(2);
    };

    let mut sender = HayateSender::new().on_event(|event| match event {
        // Where no code was given, the library makes one; the receiving person needs it.
        Event::Waiting { code, .. } => println!("on the other machine: hayate receive {code}"),
        Event::Paired { peer, cipher, .. } => {
            println!("{peer} knows the code; sealed with {cipher}");
        }
        // Wrong guesses are worth a look: the third one burns the code.
        Event::AuthFailed { peer, left } => println!("{peer} gave a wrong code, {left} tries left"),
        Event::Progress { progress, .. } => println!("{} bytes sent", progress.done),
        _ => {}
    });
    if let Some(code) = arguments.next() {
        sender = sender.code(code.to_string_lossy());
    }

    // `send_all` takes several paths, a text or standard input as well, and may serve several receivers.
    for sent in sender.send_all(Payload::Paths(vec![path.into()])).await? {
        println!("{} has stored all {} bytes", sent.peer, sent.bytes);
    }
    Ok(())
}
