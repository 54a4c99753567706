package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/activator/server"
)

// Follow implements [server.Cluster].
func (c *Cluster) Follow(ctx context.Context, namespace string, selector map[string]string, told func([]server.Pod)) {
	for {
		err := c.follow(ctx, namespace, selector, told)
		if ctx.Err() != nil {
			return
		}
		c.options.Log.Warn("following pods", "namespace", namespace, "error", fmt.Sprint(err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func (c *Cluster) follow(ctx context.Context, namespace string, selector map[string]string, told func([]server.Pod)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pods, err := cache.New(c.options.Config, cache.Options{
		Scheme: c.scheme, Mapper: c.mapper, DefaultNamespaces: namespaces(namespace), DefaultTransform: slim,
		ByObject: map[client.Object]cache.ByObject{&corev1.Pod{}: {Label: labels.SelectorFromSet(selector)}},
	})
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	informer, err := pods.GetInformer(ctx, &corev1.Pod{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	if _, err := informer.AddEventHandler(handler(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- pods.Start(ctx) }()
	if !pods.WaitForCacheSync(ctx) {
		return <-ended
	}
	for {
		var list corev1.PodList
		if err := pods.List(ctx, &list); err != nil {
			return err
		}
		var all []server.Pod
		for i := range list.Items {
			if p := &list.Items[i]; p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded {
				all = append(all, podOf(p))
			}
		}
		told(all)
		select {
		case <-changed:
		case err := <-ended:
			return err
		}
	}
}

// podOf is a pod as an activator sees it.
func podOf(p *corev1.Pod) server.Pod {
	pod := server.Pod{Name: p.Name, IP: p.Status.PodIP, Trouble: trouble(p)}
	for _, c := range p.Status.Conditions {
		pod.Ready = pod.Ready || c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	}
	running := map[string]bool{}
	for _, s := range p.Status.ContainerStatuses {
		running[s.Name] = s.State.Running != nil
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		if c.ReadinessProbe == nil {
			// It is ready as soon as it runs.
			pod.Unasked = pod.Unasked || !running[c.Name]
			continue
		}
		probe, ok := probeOf(c)
		if !ok {
			pod.Unasked = true
			continue
		}
		pod.Probes = append(pod.Probes, probe)
	}
	if len(p.Spec.ReadinessGates) > 0 {
		pod.Unasked = true
	}
	return pod
}

// probeOf is the readiness probe of a container; ok is false if it cannot be made from
// another pod.
func probeOf(c *corev1.Container) (p server.Probe, ok bool) {
	var at intstr.IntOrString
	host := ""
	switch said := c.ReadinessProbe; {
	case said.HTTPGet != nil:
		at, host, p.Path, p.TLS = said.HTTPGet.Port, said.HTTPGet.Host, "/"+strings.TrimPrefix(said.HTTPGet.Path, "/"), said.HTTPGet.Scheme == corev1.URISchemeHTTPS
		if len(said.HTTPGet.HTTPHeaders) > 0 {
			return p, false
		}
	case said.TCPSocket != nil:
		at, host = said.TCPSocket.Port, said.TCPSocket.Host
	default:
		return p, false
	}
	if p.Port = at.IntVal; at.Type == intstr.String {
		i := slices.IndexFunc(c.Ports, func(port corev1.ContainerPort) bool { return port.Name == at.StrVal })
		if i >= 0 {
			p.Port = c.Ports[i].ContainerPort
		} else if n, err := strconv.ParseInt(at.StrVal, 10, 32); err == nil {
			p.Port = int32(n)
		}
	}
	return p, p.Port > 0 && host == ""
}

// mostTold bounds what is told of a container's last words.
const mostTold = 300

// trouble is what a pod says of why it is not ready; empty: it just takes its time.
func trouble(p *corev1.Pod) string {
	var all []string
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			all = append(all, "it finds no node: "+c.Message)
		}
	}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		var said []string
		if w := s.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			said = append(said, joined(w.Reason, w.Message))
		}
		last := cmp.Or(s.State.Terminated, s.LastTerminationState.Terminated)
		if last != nil && last.ExitCode != 0 {
			// Its last words are for those who may read pods: they come from its log.
			said = append(said, fmt.Sprintf("ended with exit code %d, %s", last.ExitCode, last.Reason))
		}
		if len(said) > 0 {
			all = append(all, "container "+s.Name+": "+strings.Join(said, "; "))
		}
	}
	return strings.Join(all, "; ")
}

func joined(reason, message string) string {
	message = strings.TrimSpace(message)
	if len(message) > mostTold {
		message = "…" + message[len(message)-mostTold:]
	}
	if message == "" {
		return reason
	}
	return reason + ": " + message
}
