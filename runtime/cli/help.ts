import project from "../../deno.json" with { type: "json" };

/** Version of Taproom. */
export const VERSION: string = project.version;

/** What `--help` prints. */
export const HELP = `Taproom ${VERSION}: a TCP/IP stack and network service runtime.

Usage: deno task start [flags]
       deno run [permissions] mod.ts [flags]

Flags:
  -c, --config FILE       Serve what FILE says (JSON with comments). Without it an embedded
                          default serves ports of 127.0.0.1.
      --check             Check the config and load its modules, but serve nothing.
      --print-config      Print the config with every default in its place.
      --trace             Print each TCP state transition.
      --capture FILE      Capture every frame into FILE (pcapng), - for standard output.
      --parallel [N]      Serve on N queues of the TAP, each with a Worker of its own; without N,
                          on one for each core.
      --log-level LEVEL   Show debug, info, warn or error and what is worse (info).
      --log-format FORMAT Write the log as text or json, one object a line (text).
  -h, --help              Print this.
  -V, --version           Print the version.

Permissions:
  --allow-read            To read the config and the modules that it names.
  --allow-net=127.0.0.1   For a device of type gateway.
  --allow-ffi             For a device of type tap.
  --allow-write=FILE      To capture into FILE.
  and what the listeners themselves need.

Results go to standard output, the log to standard error. SIGINT and SIGTERM let every
connection say goodbye (for drainTimeout seconds); a second one resets them.

Exit status: 0 done, 1 failure at run time, 2 usage, 69 device unavailable, 77 permission denied,
78 config.
`;
