// Command executor serves one predictor of a SeldonDeployment over REST and
// gRPC.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/program"
)

func main() {
	if asked, err := config.PrintSettings(os.Args[1:], os.LookupEnv, os.Stdout); asked {
		end(err)
	}
	c, err := config.Load(os.Args[1:], os.LookupEnv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = program.Run(ctx, c, os.Stderr, nil)
	}
	end(err)
}

// end exits, with the error if there is one.
func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "executor:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
