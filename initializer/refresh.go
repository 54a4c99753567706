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
}

// parseRefresh takes the flags from the arguments; nil: the program is to fetch once.
func parseRefresh(args []string) (*refreshing, []string, error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") {
		return nil, args, nil
	}
	r := &refreshing{}
	flags := flag.NewFlagSet("storage-initializer", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.DurationVar(&r.every, "refresh", 0, "")
	versions := flags.String("versions", "latest", "")
	flags.StringVar(&r.server, "server", "", "")
	flags.Int64Var(&r.memory, "memory", 0, "")
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	if r.every <= 0 {
		return nil, nil, errors.New("--refresh wants the time between two looks at the store, such as 60s")
	}
	policy, err := graph.ParseVersionPolicy(*versions)
	if err != nil {
		return nil, nil, fmt.Errorf("--versions %w", err)
	}
	r.policy = refresh.Policy{Latest: policy.Latest, All: policy.All, Specific: policy.Specific}
	return r, flags.Args(), nil
}

// run brings the versions of a model, and goes on until ctx ends. It fails only where
// there is no version to begin with.
func (r *refreshing) run(ctx context.Context, uri, dir string, options storage.Options, to io.Writer) (status int) {
	options.Progress = nil // What comes beside a server that answers is told when it is there.
	states, single := storage.NewStates(uri, options)
	var catalog *storage.Catalog
	err := os.MkdirAll(dir, 0o755)
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
		Dir: dir, Policy: r.policy, Every: every - settle, Settle: settle, Memory: r.memory, Available: available,
		Log:    slog.New(slog.NewTextHandler(to, nil)).With("uri", storage.Redact(uri)),
		Random: rand.Float64, Now: time.Now, Sleep: sleep,
	}
	if r.server != "" {
		// It is in the same pod.
		o.Serving = refresh.TensorFlow(access.NewClient(func(*http.Request) (*url.URL, error) { return nil, nil }), r.server)
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
