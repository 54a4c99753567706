package training

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// testNode is a node that is ready, with so many cores.
func testNode(name, cpu string, change ...func(*corev1.Node)) corev1.Node {
	n := corev1.Node{}
	n.Name, n.Labels = name, map[string]string{"disk": name}
	n.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("3"),
	}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	for _, c := range change {
		c(&n)
	}
	return n
}

func testPod(name, cpu string, change ...func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{}
	p.Name = name
	p.Spec.Containers = []corev1.Container{{Name: "c"}}
	if cpu != "" {
		p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func on(node string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.NodeName = node } }

// TestRoom: what fits beside what is there, and what is about to come.
func TestRoom(t *testing.T) {
	tainted := func(n *corev1.Node) {
		n.Spec.Taints = []corev1.Taint{{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}}
	}
	held := func(p *corev1.Pod) { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "x"}} }
	two := []corev1.Node{testNode("a", "2"), testNode("b", "2")}
	for _, c := range []struct {
		name  string
		nodes []corev1.Node
		there []corev1.Pod
		pods  []corev1.Pod
		left  int
	}{
		{"two where each has a node", two, nil, []corev1.Pod{testPod("x", "2"), testPod("y", "2")}, 0},
		{"three where two have", two, nil, []corev1.Pod{testPod("x", "2"), testPod("y", "2"), testPod("z", "2")}, 1},
		{"the sum would do, and no node", two, nil, []corev1.Pod{testPod("x", "3")}, 1},
		{"the largest first", two, nil, []corev1.Pod{testPod("x", "500m"), testPod("y", "500m"), testPod("v", "1500m"), testPod("w", "1500m")}, 0},
		{"beside what runs", two, []corev1.Pod{testPod("r", "1", on("a"))}, []corev1.Pod{testPod("x", "2"), testPod("y", "2")}, 1},
		{"what has ended takes nothing", two, []corev1.Pod{testPod("r", "1", on("a"), func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })}, []corev1.Pod{testPod("x", "2"), testPod("y", "2")}, 0},
		{"what is about to come", two, []corev1.Pod{testPod("r", "2")}, []corev1.Pod{testPod("x", "2"), testPod("y", "2")}, 1},
		{"what never fits takes nothing", two, []corev1.Pod{testPod("r", "9")}, []corev1.Pod{testPod("x", "2"), testPod("y", "2")}, 0},
		{"another job that waits takes nothing", two, []corev1.Pod{testPod("r", "2", held)}, []corev1.Pod{testPod("x", "2"), testPod("y", "2")}, 0},
		{"without requests by number", []corev1.Node{testNode("a", "2")}, nil, []corev1.Pod{testPod("v", ""), testPod("w", ""), testPod("x", ""), testPod("y", "")}, 1},
		{"a taint", []corev1.Node{testNode("a", "2", tainted)}, nil, []corev1.Pod{testPod("x", "1")}, 1},
		{"a taint that is borne", []corev1.Node{testNode("a", "2", tainted)}, nil, []corev1.Pod{testPod("x", "1", func(p *corev1.Pod) {
			p.Spec.Tolerations = []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}}
		})}, 0},
		{"a selector", two, nil, []corev1.Pod{testPod("x", "1", func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"disk": "c"} })}, 1},
		{"a node that takes nothing", []corev1.Node{testNode("a", "2", func(n *corev1.Node) { n.Spec.Unschedulable = true })}, nil, []corev1.Pod{testPod("x", "1")}, 1},
		{"a node that is not ready", []corev1.Node{testNode("a", "2", func(n *corev1.Node) { n.Status.Conditions = nil })}, nil, []corev1.Pod{testPod("x", "1")}, 1},
		{"what no node has", two, nil, []corev1.Pod{testPod("x", "1", func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources.Requests["nvidia.com/gpu"] = resource.MustParse("1")
		})}, 1},
	} {
		var pods []*corev1.Pod
		for i := range c.pods {
			pods = append(pods, &c.pods[i])
		}
		if left := newRoom(c.nodes, c.there).placeAll(pods); len(left) != c.left {
			var names []string
			for _, p := range left {
				names = append(names, p.Name)
			}
			t.Errorf("%s: %v find no place, want %d", c.name, fmt.Sprint(names), c.left)
		}
	}
}
