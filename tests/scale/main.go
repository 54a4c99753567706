// Command scale measures the operator: on a real API server it makes many
// deployments from nothing, and starts again. It prints the time, the calls and
// the memory that they take.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/tests/apiserver"
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
	w := &world{server: server, Client: cluster}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer func() { err = errors.Join(err, out.Flush()) }()

	operator, err := w.start(ctx, program)
	if err != nil {
		return err
	}
	defer operator.stop()
	before, err := w.calls(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := w.create(ctx, many); err != nil {
		return err
	}
	if err := w.awaitObjects(ctx, many); err != nil {
		return err
	}
	took := time.Since(begin)
	if err := operator.awaitQuiet(ctx, many); err != nil {
		return err
	}
	after, err := w.calls(ctx)
	if err != nil {
		return err
	}
	usage := operator.usage()
	fmt.Fprintf(out, "deployments\t%d\n", many)
	fmt.Fprintf(out, "objects, from nothing to all there\t%d in %s\n", len(kinds())*many, took.Round(10*time.Millisecond))
	fmt.Fprintf(out, "time per deployment\t%s\n", (took / time.Duration(many)).Round(10*time.Microsecond))
	fmt.Fprintf(out, "applies per object\t%.3f\n", float64(after.applies-before.applies)/float64(len(kinds())*many))
	fmt.Fprintf(out, "writes of a status per deployment\t%.3f\n", float64(after.statuses-before.statuses)/float64(many))
	fmt.Fprintf(out, "events per deployment\t%.3f\n", float64(after.events-before.events)/float64(many))
	fmt.Fprintf(out, "operator\t%s\n", usage)
	operator.stop()

	again, err := w.start(ctx, program)
	if err != nil {
		return err
	}
	defer again.stop()
	begin = time.Now()
	if err := again.awaitQuiet(ctx, many); err != nil {
		return err
	}
	took = time.Since(begin)
	last, err := w.calls(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "after a restart, all looked at\t%s\n", took.Round(10*time.Millisecond))
	fmt.Fprintf(out, "writes of that\t%d\n", last.all()-after.all())
	fmt.Fprintf(out, "operator\t%s\n", again.usage())
	if last.all() != after.all() {
		return fmt.Errorf("a restart wrote something: %+v, and before %+v", last, after)
	}
	if applies := after.applies - before.applies; applies > len(kinds())*many {
		return fmt.Errorf("%d applies for %d objects", applies, len(kinds())*many)
	}
	return nil
}
