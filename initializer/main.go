// Storage-initializer fetches models before a model server starts: its
// arguments are pairs of a URI and the folder that the files go to. With --refresh it
// goes on beside the server, and brings new versions.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/prime-radiant/radiant/setting"
	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/storage/refresh"
	"github.com/prime-radiant/radiant/version"
)

const usage = `usage: storage-initializer URI FOLDER [URI FOLDER ...]
       storage-initializer --refresh=60s [--versions=latest:2] [--server=URL]
           [--memory=BYTES] [--one-at-a-time] [--load=start] [--place=NAME] URI FOLDER
       storage-initializer --has-version FOLDER

Fetches each URI into its folder: a folder, a file, or an archive to unpack.
  s3://BUCKET/PATH  gs://BUCKET/PATH  azblob://CONTAINER/PATH
  https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH
  http://HOST/FILE  https://HOST/FILE
  hf://ORGANISATION/MODEL[@REVISION][/PATH]  oci://REGISTRY/REPOSITORY:TAG
  file:///PATH  PATH
  REMOTE:BUCKET/PATH, where RCLONE_CONFIG_REMOTE_TYPE and the like are set

With --refresh the folders below the URI whose names are numbers are versions of a
model; of http://, https://, hf:// and oci:// those in what the URI names now, or that
itself, by the second from which on it is there. Those that --versions names (latest, latest:2, all, specific:3,7) are brought,
and the store is looked at again and again for others, until the program is told to
end. --server is where the status of the model is asked for, as in
http://localhost:8501/v1/models/NAME: versions that are not wanted any more, or do not
load, are removed when another one serves. --memory is how much the server may have.
With --load=start the server loads its model once, when it starts: FOLDER/start leads to
its version, which stays, and one that is newer is told of. RADIANT_START_VERSION names
the version to start with; otherwise it is the newest. --place is told beside versions,
so that they are not taken for those of another URI.
With --one-at-a-time the server drops what it has loaded before a new version comes.
--has-version ends with 0 if the folder has had a version, and with 1 if not yet.

Credentials and settings come from the environment; --settings lists them with
what is in force. --version prints the version, commit and date.

Exit status: 0 all are there, 1 a fetch failed, 2 wrong arguments or settings.
`

// Exit statuses.
const (
	failed = 1
	misuse = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, screen{os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))}))
}

// screen is where messages go.
type screen struct {
	io.Writer
	terminal bool
}

func run(ctx context.Context, args []string, lookup func(string) (string, bool), to screen) (status int) {
	if version.Asked(args) {
		fmt.Fprintln(to, version.This().Line("storage-initializer"))
		return 0
	}
	if slices.Equal(args, []string{"--settings"}) {
		if err := setting.Print(to, storage.InForce(lookup)); err != nil {
			return failed
		}
		return 0
	}
	if len(args) == 2 && args[0] == hasVersionFlag {
		if !refresh.IsReady(args[1]) {
			return failed
		}
		return 0
	}
	again, args, err := parseRefresh(args, lookup)
	if err != nil {
		fmt.Fprintf(to, "storage-initializer: %v\n%s", err, usage)
		return misuse
	}
	if len(args) == 0 || len(args)%2 != 0 || again != nil && len(args) != 2 {
		fmt.Fprint(to, usage)
		return misuse
	}
	options, err := storage.FromEnvironment(lookup)
	if err != nil {
		fmt.Fprintln(to, "storage-initializer:", err)
		return misuse
	}
	if again != nil {
		return again.run(ctx, args[0], args[1], options, to)
	}
	options.Progress = storage.NewPrinter(to, to.terminal, time.Now).Print
	for pair := range slices.Chunk(args, 2) {
		uri, dst := pair[0], pair[1]
		if err := storage.Fetch(ctx, uri, dst, options); err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("interrupted while fetching %s", storage.Redact(uri))
			}
			fmt.Fprintln(to, "storage-initializer:", err)
			return failed
		}
	}
	return 0
}
