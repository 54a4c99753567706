// Command scale measures the operator: on a real API server it makes many
// deployments from nothing, and starts again. It prints the time, the calls and
// the memory that they take.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

func main() {
	many := flag.Int("deployments", 1000, "deployments to make")
	program := flag.String("radiant", "bin/radiant", "the operator's program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *program, *many); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

const namespace = "scale"

func run(ctx context.Context, program string, many int) (err error) {
	server, err := apiserver.Start(apiserver.Options{})
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := server.Install(ctx, crd.YAML()); err != nil {
		return err
	}
	cluster, err := client.New(server.Config(), client.Options{})
	if err != nil {
		return err
	}
	ns := &corev1.Namespace{}
	ns.Name = namespace
	if err := cluster.Create(ctx, ns); err != nil {
		return err
	}
	w := &world{Client: cluster, server: server, program: program, many: many}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer func() { err = errors.Join(err, out.Flush()) }()
	if err := w.fromNothing(ctx, out); err != nil {
		return fmt.Errorf("from nothing: %w", err)
	}
	if err := w.restart(ctx, out); err != nil {
		return fmt.Errorf("after a restart: %w", err)
	}
	return nil
}

// fromNothing makes the deployments and waits for their objects.
func (w *world) fromNothing(ctx context.Context, out io.Writer) error {
	operator, err := w.start(ctx)
	if err != nil {
		return err
	}
	defer operator.stop()
	before, err := w.calls(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := w.create(ctx); err != nil {
		return err
	}
	if err := w.awaitObjects(ctx); err != nil {
		return err
	}
	took := time.Since(begin)
	if err := operator.awaitQuiet(ctx, w.many); err != nil {
		return err
	}
	after, err := w.calls(ctx)
	if err != nil {
		return err
	}
	objects := len(kinds()) * w.many
	applies := after.applies - before.applies
	fmt.Fprintf(out, "deployments\t%d\n", w.many)
	fmt.Fprintf(out, "objects, from nothing to all there\t%d in %s\n", objects, took.Round(10*time.Millisecond))
	fmt.Fprintf(out, "time per deployment\t%s\n", (took / time.Duration(w.many)).Round(10*time.Microsecond))
	fmt.Fprintf(out, "applies per object\t%.3f\n", float64(applies)/float64(objects))
	fmt.Fprintf(out, "writes of a status per deployment\t%.3f\n", float64(after.statuses-before.statuses)/float64(w.many))
	fmt.Fprintf(out, "events per deployment\t%.3f\n", float64(after.events-before.events)/float64(w.many))
	fmt.Fprintf(out, "operator\t%s\n", operator.usage())
	if applies > objects {
		return fmt.Errorf("%d applies for %d objects", applies, objects)
	}
	return nil
}

// restart lets another operator look at what is there.
func (w *world) restart(ctx context.Context, out io.Writer) error {
	before, err := w.calls(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	operator, err := w.start(ctx)
	if err != nil {
		return err
	}
	defer operator.stop()
	if err := operator.awaitQuiet(ctx, w.many); err != nil {
		return err
	}
	took := time.Since(begin)
	after, err := w.calls(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "started again, all looked at\t%s\n", took.Round(10*time.Millisecond))
	fmt.Fprintf(out, "writes of that\t%d\n", after.all()-before.all())
	fmt.Fprintf(out, "operator\t%s\n", operator.usage())
	if after.all() != before.all() {
		return fmt.Errorf("something was written: %+v, and before %+v", after, before)
	}
	return nil
}
