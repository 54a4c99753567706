// Radiant runs SeldonDeployments: it checks them, prints the Kubernetes
// objects they stand for, and serves them on this machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/prime-radiant/radiant/operator/cli"
	"github.com/prime-radiant/radiant/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		var code cli.ExitCode
		if errors.As(err, &code) {
			os.Exit(int(code))
		}
		if !errors.Is(err, cli.ErrReported) {
			fmt.Fprintln(os.Stderr, "radiant:", err)
		}
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "radiant",
		Version: version.This().Line("radiant"),
		Short:   "Run SeldonDeployments, on this machine or on Kubernetes",
		Long: `Radiant takes SeldonDeployment YAML as it is and serves it.

  radiant init FOLDER     write the YAML for the model in a folder
  radiant validate FILE   print every problem, with its line
  radiant render FILE     print the Kubernetes objects
  radiant local FILE      serve it here, real model servers as processes
  radiant manager         serve the SeldonDeployments of a cluster
  radiant activator       keep requests of a cluster until their pods are there`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(cli.UnknownFlag)
	root.AddCommand(cli.Validate(), cli.Render(), cli.Local(), cli.Manager(), cli.Activator(), cli.Reference(), cli.Init(), cli.Version())
	return root
}
