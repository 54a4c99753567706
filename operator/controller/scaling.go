package controller

import (
	"fmt"
	"slices"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/wording"
)

// scalingSettles is how long an autoscaler may say that it does not work
// before that counts: pods have no metrics in their first minute.
const scalingSettles = 90 * time.Second

// scales reports whether objects of a kind are autoscalers: they are read with
// their conditions.
func scales(k kind) bool { return k.Condition == v1.ConditionHPAs || k.Condition == v1.ConditionKEDA }

// scaling is how an autoscaler fares.
type scaling struct {
	// status is unknown as long as nothing has looked at it, or what it says may
	// pass by itself.
	status          metav1.ConditionStatus
	reason, message string
	// needsUser: it never works unless somebody changes something.
	needsUser bool
	// settles is how long the status stays unknown; 0: until it says more.
	settles time.Duration
}

// saying is what the conditions of an autoscaler say: those of a
// HorizontalPodAutoscaler are AbleToScale and ScalingActive, that of a
// ScaledObject is Ready.
type saying struct {
	status          metav1.ConditionStatus
	reason, message string
}

// said returns what an autoscaler says, and since when.
func said(o client.Object) (saying, time.Time) {
	what, since := saying{status: metav1.ConditionUnknown}, o.GetCreationTimestamp().Time
	for _, c := range sayings(o) {
		if !slices.Contains([]string{string(autoscalingv2.AbleToScale), string(autoscalingv2.ScalingActive), "Ready"}, c.Type) {
			continue
		}
		switch c.Status {
		case metav1.ConditionTrue:
			what.status = metav1.ConditionTrue
		case metav1.ConditionFalse:
			if !c.LastTransitionTime.IsZero() { // KEDA does not tell.
				since = c.LastTransitionTime.Time
			}
			return saying{metav1.ConditionFalse, c.Reason, c.Message}, since
		}
	}
	return what, since
}

// sayings are the conditions of an autoscaler.
func sayings(o client.Object) []metav1.Condition {
	var all []metav1.Condition
	switch o := o.(type) {
	case *autoscalingv2.HorizontalPodAutoscaler:
		for _, c := range o.Status.Conditions {
			all = append(all, metav1.Condition{
				Type: string(c.Type), Status: metav1.ConditionStatus(c.Status), Reason: c.Reason, Message: c.Message, LastTransitionTime: c.LastTransitionTime,
			})
		}
	case *unstructured.Unstructured:
		list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions") // A list of another type says nothing.
		for _, c := range items(list) {
			text := func(field string) string {
				value, _ := c[field].(string)
				return value
			}
			one := metav1.Condition{Type: text("type"), Status: metav1.ConditionStatus(text("status")), Reason: text("reason"), Message: text("message")}
			if at, err := time.Parse(time.RFC3339, text("lastTransitionTime")); err == nil {
				one.LastTransitionTime = metav1.NewTime(at)
			}
			all = append(all, one)
		}
	}
	return all
}

// scalingOf judges an autoscaler; nil: it has just been made.
func scalingOf(o client.Object, now time.Time) scaling {
	s := scaling{status: metav1.ConditionUnknown, reason: reasonProgressing, message: "nothing has looked at it yet"}
	if o == nil {
		return s
	}
	what, since := said(o)
	switch what.status {
	case metav1.ConditionTrue:
		return scaling{status: metav1.ConditionTrue, reason: reasonReady}
	case metav1.ConditionFalse:
		s.message = fmt.Sprintf("%s (%s)", what.message, what.reason)
		if left := scalingSettles - now.Sub(since); left > 0 {
			s.settles = left
			return s
		}
		s.status, s.reason = metav1.ConditionFalse, word(what.reason, reasonNotScaling)
		s.needsUser = isMistake(o, what)
	}
	return s
}

// isMistake reports whether an autoscaler can never do what its specification
// says. KEDA checks a ScaledObject before it does anything.
func isMistake(o client.Object, s saying) bool {
	_, ofPods := o.(*autoscalingv2.HorizontalPodAutoscaler)
	return !ofPods || strings.Contains(s.message, "missing request for") ||
		slices.Contains([]string{"InvalidSelector", "AmbiguousSelector", "InvalidMetricSourceType"}, s.reason)
}

// judgeScaling judges all autoscalers that there are, and asks for another look
// when what is unknown settles.
func (p *pass) judgeScaling(now time.Time) {
	p.scaling = map[ref]scaling{}
	for r, o := range p.live {
		if k, ok := kindOf(r.GroupKind); !ok || !scales(k) {
			continue
		}
		s := scalingOf(o, now)
		p.scaling[r] = s
		if s.settles > 0 {
			p.lookAgain(s.settles + time.Second)
		}
	}
}

// scalingReady is the condition of autoscalers of a kind: false if one does not
// work, else unknown if nobody knows of one.
func (p *pass) scalingReady(c v1.Condition) v1.Condition {
	var lines []string
	for _, d := range p.desired {
		if d.kind.Condition != c.Type {
			continue
		}
		s, ok := p.scaling[d.ref]
		if !ok {
			s = scalingOf(nil, time.Time{})
		}
		if s.status == metav1.ConditionTrue {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s", d.ref, s.message))
		if c.Status == metav1.ConditionTrue || c.Status == metav1.ConditionUnknown && s.status == metav1.ConditionFalse {
			c.Status, c.Reason = s.status, s.reason
		}
	}
	c.Message = wording.Cut(strings.Join(lines, "\n"), mostInMessageLength)
	return c
}

// scalingFails reports whether what keeps the deployment from being ready is an
// autoscaler that needs the user. As long as it is something else, such as pods
// that are still coming, that is what the status tells first.
func (p *pass) scalingFails(ready v1.Condition) bool {
	return slices.ContainsFunc(p.desired, func(d Desired) bool {
		s := p.scaling[d.ref]
		return s.needsUser && strings.Contains(ready.Message, s.message)
	})
}

// saysSomethingElse reports whether an autoscaler says something else than
// before.
func saysSomethingElse(before, after client.Object) bool {
	was, _ := said(before)
	is, _ := said(after)
	return was != is
}
