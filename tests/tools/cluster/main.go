// Cluster starts and stops a single-node Kubernetes on this machine: real
// components, built from source by scripts/need.sh, as plain processes. It
// needs Linux and root, and nothing that is not in a language's or a
// distribution's package archive.
//
//	cluster up      start it; prints the lines that set KUBECONFIG, PATH and
//	                RADIANT_E2E_AUDIT, the API server's log of writes
//	cluster down    stop it and remove all that it left
//	cluster images  make the images known to the node that manifests name
//	cluster import NAME LAYOUT    make that of an OCI layout known as NAME
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: cluster up | down | images | import NAME LAYOUT

Environment: RADIANT_CLUSTER_DIR, where state and logs go (default: the folder
cluster in radiant's cache); RADIANT_CLUSTER_SOURCE, the folder of this
program's sources (default: the current one).
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := command(ctx, os.Args[1:])
	if errors.Is(err, errUsage) {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong arguments")

func command(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	c, err := newCluster()
	if err != nil {
		return err
	}
	switch {
	case args[0] == "up" && len(args) == 1:
		if err := c.up(ctx); err != nil {
			return fmt.Errorf("%w\nlogs are in %s", err, c.logs())
		}
		fmt.Printf("export KUBECONFIG=%s\n", c.kubeconfig("admin"))
		fmt.Printf("export PATH=%s:$PATH\n", c.binaries)
		fmt.Printf("export RADIANT_E2E_AUDIT=%s\n", c.audit())
		return nil
	case args[0] == "down" && len(args) == 1:
		return c.down()
	case args[0] == "images" && len(args) == 1:
		return c.standInImages(ctx)
	case args[0] == "import" && len(args) == 3:
		return c.importLayout(ctx, args[1], args[2])
	}
	return errUsage
}
