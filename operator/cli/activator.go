package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	runtimelog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/prime-radiant/radiant/activator/cluster"
	"github.com/prime-radiant/radiant/activator/server"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/setting"
)

// Activator is the command radiant activator.
func Activator() *cobra.Command {
	var a config.Activator
	var list bool
	cmd := &cobra.Command{
		Use:   "activator",
		Short: "Keep requests of a cluster until their pods are there",
		Long: `Activator keeps the requests to predictors that have no pods, or too few, since
their scaleSpec lets them have none, and hands them on as soon as a pod is ready.
It runs in a cluster, beside radiant manager.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.Complete(config.Lookup); err != nil {
				return err
			}
			if list {
				return setting.Print(cmd.OutOrStdout(), a.Settings())
			}
			return activate(cmd.Context(), &a, cmd.ErrOrStderr())
		},
	}
	a.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&list, "settings", false, "list the settings with what is in force, and do nothing else")
	return cmd
}

// activate runs the activator until ctx ends.
func activate(ctx context.Context, c *config.Activator, stderr io.Writer) error {
	level, err := c.Level()
	if err != nil {
		return err
	}
	handler := slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level})
	log := slog.New(handler)
	runtimelog.SetLogger(logr.FromSlogHandler(handler))
	klog.SetLogger(logr.FromSlogHandler(handler))
	kube, err := clusterConfig(c.Kubeconfig)
	if err != nil {
		return err
	}
	world, err := cluster.New(cluster.Options{Config: kube, Namespace: c.Namespace, Address: c.Address, Log: log})
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	for _, own := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := registry.Register(own); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	a, err := server.New(server.Options{
		Most: c.Waiting, Bytes: int64(c.WaitingBytes), Patience: c.Patience, Leave: c.Leave, Drain: c.Drain, Settled: settled,
		Cluster: world, Process: uuid.NewString(), Registry: registry, Log: log,
	})
	if err != nil {
		return err
	}
	admin := &http.Server{ReadHeaderTimeout: adminTimeout, Handler: a.Admin(registry, func() error {
		if !world.Synced() {
			return errors.New("the Services of the cluster are not known yet")
		}
		return nil
	})}
	l, err := net.Listen("tcp", c.AdminAddress)
	if err != nil {
		return fmt.Errorf("opening the port of /scaling: %w", err)
	}
	go func() { _ = admin.Serve(l) }() // It ends with the program.
	defer func() { _ = admin.Close() }()
	log.Info("starting", "version", expand.Version, "admin", l.Addr().String())
	// What is led here is followed until the last request has ended.
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	failed := make(chan error, 1)
	running, end := context.WithCancel(ctx)
	defer end()
	go func() {
		if err := world.Watch(following, a); err != nil {
			failed <- err
			end()
		}
	}()
	err = a.Run(running)
	select {
	case watching := <-failed:
		return errors.Join(watching, err)
	default:
		return err
	}
}

// adminTimeout bounds the head of a question to the activator itself.
const adminTimeout = 10 * time.Second

// settled is how long an activator goes on taking requests to which it should not be led
// any more.
const settled = 5 * time.Second
