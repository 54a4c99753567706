package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/refresh"
)

// hasVersionFlag asks whether a folder has had a version.
const hasVersionFlag = "--has-version"

const (
	// mostSettle is how long the listing of a new version must stay as it is, at most.
	mostSettle = 5 * time.Second
	// localEvery is the longest time between two looks at a folder of this machine,
	// which cost next to nothing.
	localEvery = time.Second
)

// refreshing are the settings of a program that goes on beside a server.
type refreshing struct {
	every  time.Duration
	policy refresh.Policy
	server string
	memory int64
	// alone has the server drop what it has loaded before it gets a new version.
	alone bool
	// load is how the server takes versions, one of the words that begin with load; empty: it
	// looks into their folder, and is asked for them as TensorFlow Serving is.
	load string
	// start is the version that the server is to start with, if it loads its model once.
	start string
	// place is told beside the versions that are found.
	place string
	// model is its name for the model, files the patterns of the files of one.
	model string
	files []string
}

// parseRefresh takes the flags from the arguments; nil: the program is to fetch once.
func parseRefresh(args []string, lookup func(string) (string, bool)) (*refreshing, []string, error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") {
		return nil, args, nil
	}
	r := &refreshing{}
	r.start, _ = lookup(startVariable)
	flags := flag.NewFlagSet("storage-initializer", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.DurationVar(&r.every, "refresh", 0, "")
	versions := flags.String("versions", "latest", "")
	flags.StringVar(&r.server, "server", "", "")
	flags.Int64Var(&r.memory, "memory", 0, "")
	flags.BoolVar(&r.alone, "one-at-a-time", false, "")
	flags.StringVar(&r.load, "load", "", "")
	flags.StringVar(&r.place, "place", "", "")
	flags.StringVar(&r.model, "model", "", "")
	files := flags.String("files", "", "")
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	if *files != "" {
		r.files = strings.Split(*files, ",")
	}
	if r.every <= 0 {
		return nil, nil, errors.New("--refresh wants the time between two looks at the store, such as 60s")
	}
	policy, err := graph.ParseVersionPolicy(*versions)
	if err != nil {
		return nil, nil, fmt.Errorf("--versions %w", err)
	}
	if r.alone && !policy.IsOne() {
		return nil, nil, fmt.Errorf("--one-at-a-time wants --versions of one version, and %s may be several", *versions)
	}
	r.policy = refresh.Policy{Latest: policy.Latest, All: policy.All, Specific: policy.Specific}
	return r, flags.Args(), r.check()
}

// check reports what of the server is missing or does not go together.
func (r *refreshing) check() error {
	switch {
	case r.load == "":
	case r.load == loadStart:
		if _, err := strconv.ParseUint(r.start, 10, 63); r.start != "" && err != nil {
			return fmt.Errorf("%s is %q; want a version, which is a whole number, or nothing", startVariable, r.start)
		}
	case r.load != loadIndexed && r.load != loadMLServer && r.load != loadTriton:
		return fmt.Errorf("--load=%s is unknown: want %s, %s, %s, %s, or nothing", r.load, loadStart, loadIndexed, loadMLServer, loadTriton)
	case r.server == "" || r.model == "":
		return errors.New("--load wants --server and --model")
	case r.load != loadTriton && r.files == nil:
		return fmt.Errorf("--load=%s wants --files", r.load)
	}
	switch {
	case r.alone && r.load != "":
		return errors.New("--one-at-a-time is for servers that look into their folder, without --load")
	case r.alone && r.server == "":
		return errors.New("--one-at-a-time wants --server, which says when a version is unloaded")
	}
	return nil
}

// run brings the versions of a model, and goes on until ctx ends. It fails only where
// there is no version to begin with.
func (r *refreshing) run(ctx context.Context, uri, dir string, options storage.Options, to io.Writer) (status int) {
	options.Progress = nil // What comes beside a server that answers is told when it is there.
	states, single := storage.NewStates(uri, options)
	var catalog *storage.Catalog
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		var release func()
		if release, err = storage.Hold(dir); err == nil {
			defer release()
		}
	}
	if err == nil && !single {
		catalog, err = storage.NewCatalog(uri, options)
	}
	if err != nil {
		fmt.Fprintln(to, "storage-initializer:", err)
		return failed
	}
	every := r.every
	if catalog != nil && catalog.IsLocal() {
		every = min(every, localEvery)
	}
	// Both together are the time within which a version is noticed and complete.
	settle := min(mostSettle, every/2)
	o := refresh.Options{
		Dir: dir, Policy: r.policy, Every: every - settle, Settle: settle, Memory: r.memory, Available: available, OneAtATime: r.alone,
		Log:    slog.New(slog.NewTextHandler(to, nil)).With("uri", storage.Redact(uri)),
		Random: rand.Float64, Now: time.Now, Sleep: sleep,
	}
	if r.load == loadStart {
		o.Start, o.Available = &refresh.Start{Version: r.start, Place: r.place}, nil // Others, elsewhere, load what is new.
		o.Kind = refresh.Any{}
		if r.files != nil {
			o.Kind = refresh.Files(r.files)
		}
	} else {
		r.tell(&o, catalog)
	}
	one := refresh.NewOfStates(states, o)
	if !single {
		one = refresh.New(catalog, o)
	}
	if err := one.First(ctx); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted while fetching %s", storage.Redact(uri))
		}
		fmt.Fprintln(to, "storage-initializer:", err)
		return failed
	}
	one.Run(ctx)
	return 0
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// startVariable is the version that a server is to start with; without it, it is the newest.
const startVariable = "RADIANT_START_VERSION"

// Values of --load. One that loads its model when it starts, and then no other, finds it by a
// link in its folder. A server that is indexed looks into its folder, and tells of versions by
// the index of the repository API; the others are told by that API as well: versions of
// MLServer have settings of their own, and those of Triton have files that are of all of them.
const (
	loadStart    = "start"
	loadIndexed  = "indexed"
	loadMLServer = "mlserver"
	loadTriton   = "triton"
)

// tell says how the server is asked for its versions, and told of new ones.
func (r *refreshing) tell(o *refresh.Options, catalog *storage.Catalog) {
	if r.server == "" {
		return
	}
	// It is in the same pod.
	client := access.NewClient(func(*http.Request) (*url.URL, error) { return nil, nil })
	if r.load == "" {
		o.Serving = refresh.TensorFlow(client, r.server)
		return
	}
	server := &refresh.Repository{Client: client, URL: r.server, Model: r.model}
	o.Serving = server.Serving
	switch r.load {
	case loadIndexed:
		server.Reasons, o.Kind = true, refresh.Files(r.files)
	case loadMLServer:
		o.Load, o.Kind, o.LoadsAgain = server.Load, refresh.MLServer{Model: r.model, Files: r.files}, true
	case loadTriton:
		o.Load, o.Kind = server.Load, refresh.Triton{}
		if catalog != nil { // What has one state at a time is refused by validation.
			o.Beside = catalog
		}
	}
}
