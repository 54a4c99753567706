package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Where requests from outside come in.
const (
	gatewayREST = nodeAddress + ":8088"
	gatewayGRPC = nodeAddress + ":8089"
)

// startGateway starts Traefik with the Gateway API, and with resources of its
// own: it copies requests to a shadow by those alone.
func (c *cluster) startGateway(ctx context.Context) error {
	definitions, err := c.moduleFiles(ctx, "gateway-api", "sigs.k8s.io/gateway-api", "config/crd/experimental/gateway.*.yaml")
	if err != nil {
		return err
	}
	own, err := c.moduleFiles(ctx, "traefik", "github.com/traefik/traefik/v3", "docs/content/reference/dynamic-configuration/traefik.io_*.yaml")
	if err != nil {
		return err
	}
	if err := c.define(ctx, append(definitions, own...)); err != nil {
		return err
	}
	gateway, err := render("gateway.yaml", c.facts())
	if err != nil {
		return err
	}
	if err := c.apply(ctx, gateway); err != nil {
		return err
	}
	return c.start("traefik", []string{
		"--providers.kubernetesgateway=true", "--providers.kubernetesgateway.experimentalchannel=true", "--providers.kubernetescrd=true",
		"--providers.kubernetesgateway.statusaddress.ip=" + nodeAddress,
		"--entrypoints.web.address=" + gatewayREST, "--entrypoints.grpc.address=" + gatewayGRPC, "--log.level=INFO",
		"--global.checknewversion=false", "--global.sendanonymoususage=false",
	}, "KUBECONFIG="+c.kubeconfig("admin"))
}

// moduleFiles finds files of a module that the go.mod in a folder of binaries
// pins.
func (c *cluster) moduleFiles(ctx context.Context, folder, module, pattern string) ([]string, error) {
	dir := filepath.Join(c.source, "binaries", folder)
	download := exec.CommandContext(ctx, "go", "mod", "download", module)
	download.Dir = dir
	if out, err := download.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go mod download %s: %w\n%s", module, err, out)
	}
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
	list.Dir = dir
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", module, err)
	}
	found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), pattern))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s has no %s", module, pattern)
	}
	return found, err
}

// define applies definitions of resources, and waits until they are served.
func (c *cluster) define(ctx context.Context, files []string) error {
	var named []string
	for _, f := range files {
		named = append(named, "-f", f)
	}
	if err := c.command(ctx, nil, c.binary("kubectl"), append([]string{"apply", "--server-side", "--force-conflicts"}, named...)...); err != nil {
		return err
	}
	return c.command(ctx, nil, c.binary("kubectl"), append([]string{"wait", "--for=condition=Established", "--timeout=60s"}, named...)...)
}
