package scaling

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/serving/pkg/autoscaler/aggregation"
	"knative.dev/serving/pkg/autoscaler/metrics"
	kpa "knative.dev/serving/pkg/autoscaler/scaling"
)

// knative is Knative's autoscaler, fed as its collector feeds it.
type knative struct {
	stable, burst *aggregation.TimedFloat64Buckets
	ready         int
	scaler        kpa.UniScaler
}

func newKnative(p *Policy, ready int) *knative {
	k := &knative{
		stable: aggregation.NewTimedFloat64Buckets(p.Window.Duration, time.Second),
		burst:  aggregation.NewTimedFloat64Buckets(p.PanicWindow.Duration, time.Second), ready: ready,
	}
	k.scaler = kpa.New(attribute.NewSet(), noop.NewMeterProvider(), "n", "r", k, k, &kpa.DeciderSpec{
		MaxScaleUpRate: 1000, MaxScaleDownRate: 2, ScalingMetric: string(p.Metric), TargetValue: p.Target, TotalValue: p.Target,
		TargetBurstCapacity: 211, PanicThreshold: p.PanicThreshold, StableWindow: p.Window.Duration, ScaleDownDelay: p.ScaleDownDelay.Duration,
		ActivationScale: p.ActivationReplicas, Reachable: true,
	})
	return k
}

func (k *knative) ReadyCount() (int, error)    { return k.ready, nil }
func (k *knative) NotReadyCount() (int, error) { return 0, nil }

func (k *knative) StableAndPanicConcurrency(_ types.NamespacedName, now time.Time) (stable, burst float64, err error) {
	if k.stable.IsEmpty(now) {
		return 0, 0, metrics.ErrNoData
	}
	return k.stable.WindowAverage(now), k.burst.WindowAverage(now), nil
}

func (k *knative) StableAndPanicRPS(key types.NamespacedName, now time.Time) (stable, burst float64, err error) {
	return k.StableAndPanicConcurrency(key, now)
}

// series is a load over time, a sample a second.
type series struct {
	name string
	// load of a second; NaN: nothing was told.
	load func(second int) float64
	// late is how many seconds after its own a sample comes.
	late func(second int) int
}

func recordedSeries() []series {
	const none = 1 << 30
	onTime := func(int) int { return 0 }
	random := rand.New(rand.NewPCG(1, 2)) // A series that is always the same.
	noise := make([]float64, 600)
	for i := range noise {
		noise[i] = random.ExpFloat64() * 4
	}
	lost := func(from, to int) func(int) int {
		return func(s int) int {
			if s >= from && s < to {
				return none
			}
			return 0
		}
	}
	five := func(s int) float64 {
		if s < 90 {
			return 5
		}
		return 0
	}
	return []series{
		{"steady", func(int) float64 { return 7.3 }, onTime},
		{"five at once, then none", five, onTime},
		{"burst", func(s int) float64 {
			if s >= 120 && s < 135 {
				return 60
			}
			return 2
		}, onTime},
		{"sawtooth", func(s int) float64 { return math.Abs(float64(s%80)-40) / 2 }, onTime},
		{"silence", func(int) float64 { return 0 }, onTime},
		{"noise", func(s int) float64 { return noise[s] }, onTime},
		{"pods missing for a while", func(int) float64 { return 9 }, lost(100, 130)},
		{"pods missing for longer than the window", func(int) float64 { return 9 }, lost(100, 240)},
		{"late samples", func(s int) float64 { return noise[s] }, func(s int) int { return s % 5 }},
		{"samples later than the short window", func(s int) float64 { return noise[s] }, func(s int) int { return s % 17 }},
		{"samples later than the window", func(s int) float64 { return noise[s] }, func(s int) int { return (s % 7) * 20 }},
	}
}

func testPolicies() []Policy {
	base := Policy{
		Metric: Concurrency, Target: 1, Window: Duration{time.Minute}, PanicWindow: Duration{6 * time.Second}, PanicThreshold: 2,
		ActivationReplicas: 1, GracePeriod: Duration{30 * time.Second},
	}
	seventy, delayed, short, active, odd := base, base, base, base, base
	seventy.Target = 0.7
	delayed.ScaleDownDelay = Duration{45 * time.Second}
	short.Window, short.PanicWindow, short.PanicThreshold = Duration{6 * time.Second}, Duration{time.Second}, 1.1
	active.ActivationReplicas, active.Metric = 3, RPS
	odd.Window, odd.PanicWindow, odd.Target = Duration{61500 * time.Millisecond}, Duration{6150 * time.Millisecond}, 2.5
	return []Policy{base, seventy, delayed, short, active, odd}
}

// TestDecidesAsKnativeDoes feeds Knative's library and this package the same
// samples, lets pods come and go three seconds after each decision, and asks for
// the same averages and the same number at each tick.
func TestDecidesAsKnativeDoes(t *testing.T) {
	for i, p := range testPolicies() {
		for _, s := range recordedSeries() {
			t.Run(fmt.Sprintf("policy %d, %s", i, s.name), func(t *testing.T) { compare(t, &p, s, 1) })
		}
	}
}

// compare runs both over ten minutes that begin with pods that are ready.
func compare(t *testing.T, p *Policy, s series, ready int) {
	start := time.Unix(1_800_000_000, 0)
	them := newKnative(p, ready)
	stable, burst, us := newWindow(p.Window.Duration), newWindow(p.PanicWindow.Duration), newDecider(p, start, int32(ready))
	arriving := map[int][]int{}
	coming := []int{ready, ready, ready}
	decisions := map[int32]bool{}
	for second := range 600 {
		arriving[second+s.late(second)] = append(arriving[second+s.late(second)], second)
		for _, of := range arriving[second] {
			at, load := start.Add(time.Duration(of)*time.Second), s.load(of)
			them.stable.Record(at, load)
			them.burst.Record(at, load)
			stable.record(at, load)
			burst.record(at, load)
		}
		now := start.Add(time.Duration(second)*time.Second + 300*time.Millisecond)
		if second%2 != 0 {
			continue
		}
		them.ready, coming = coming[0], coming[1:]
		want := them.scaler.Scale(zap.NewNop().Sugar(), now)
		if want.ScaleValid == stable.empty(now) {
			t.Fatalf("at %d s: Knative decides: %v; nothing is known here: %v", second, want.ScaleValid, stable.empty(now))
		}
		if !want.ScaleValid {
			coming = append(coming, them.ready)
			continue
		}
		wantStable, wantBurst, _ := them.StableAndPanicConcurrency(types.NamespacedName{}, now)
		if a, b := stable.average(now), burst.average(now); a != wantStable || b != wantBurst {
			t.Fatalf("at %d s: averages %v and %v, Knative has %v and %v", second, a, b, wantStable, wantBurst)
		}
		got := us.decide(now, int32(them.ready), stable.average(now), burst.average(now))
		if got != want.DesiredPodCount {
			t.Fatalf("at %d s, %d pods ready, averages %v and %v: %d pods, Knative wants %d",
				second, them.ready, wantStable, wantBurst, got, want.DesiredPodCount)
		}
		decisions[got] = true
		coming = append(coming, int(got))
	}
	if still := s.name == "silence" || s.name == "steady" || strings.HasPrefix(s.name, "pods missing"); len(decisions) < 2 && !still {
		t.Errorf("a series that changes nothing compares nothing: always %v", decisions)
	}
}
