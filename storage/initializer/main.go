// Storage-initializer fetches models before a model server starts: its
// arguments are pairs of a URI and the folder that the files go to.
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

	"github.com/prime-radiant/radiant/storage"
)

const usage = `usage: storage-initializer URI FOLDER [URI FOLDER ...]

Fetches each URI (file://, http://, https:// or a path; a folder, a file, or an
archive to unpack) into its folder. Exit status: 0 all are there, 1 a fetch
failed, 2 wrong arguments.
`

// Exit statuses.
const (
	failed = 1
	misuse = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))))
}

func run(ctx context.Context, args []string, w io.Writer, terminal bool) (status int) {
	if len(args) == 0 || len(args)%2 != 0 {
		fmt.Fprint(w, usage)
		return misuse
	}
	printer := storage.NewPrinter(w, terminal, time.Now)
	for pair := range slices.Chunk(args, 2) {
		uri, dst := pair[0], pair[1]
		if err := storage.Fetch(ctx, uri, dst, storage.Options{Progress: printer.Print}); err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("interrupted while fetching %s", storage.Redact(uri))
			}
			fmt.Fprintln(w, "storage-initializer:", err)
			return failed
		}
	}
	return 0
}
