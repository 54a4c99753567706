package main

import (
	"context"
	"os"
	"os/exec"
)

const bridge = "cni0"

// network makes the bridge that pods will be on: the node's own address is on
// it, so it has to be there before the first pod is.
func (c *cluster) network(ctx context.Context) error {
	if exec.CommandContext(ctx, "ip", "link", "show", bridge).Run() != nil {
		if err := c.command(ctx, nil, "ip", "link", "add", bridge, "type", "bridge"); err != nil {
			return err
		}
	}
	if err := c.command(ctx, nil, "ip", "addr", "replace", nodeAddress+"/24", "dev", bridge); err != nil {
		return err
	}
	if err := c.command(ctx, nil, "ip", "link", "set", bridge, "up"); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1\n"), 0o644)
}
