//! Receives into a directory what somebody sends: `cargo run --example receive -- CODE DIR`.

use hayate::HayateReceiver;

#[compio::main]
async fn main() -> Result<(), hayate::Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [code, directory] = &arguments[..] else {
        eprintln!("usage: receive CODE DIR");
        std::process::exit(2);
    };

    let received = HayateReceiver::new()
        .code(code)
        .receive(
            directory,
            // Nothing is stored before this says yes. The name is the sender's choice: it is escaped when shown.
            async |offered| {
                println!("{} offers {}", offered.peer, offered.offer.name);
                offered.offer.bytes < 1 << 30
            },
            |progress| println!("{} bytes received", progress.done),
        )
        .await?;
    println!("{} bytes are in {:?}", received.bytes, received.path);
    Ok(())
}
