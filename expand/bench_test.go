package expand_test

import (
	"os"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/expand/expandtest"
	"github.com/prime-radiant/radiant/manifests"
)

// BenchmarkExpand expands one deployment.
func BenchmarkExpand(b *testing.B) {
	each(b, func(b *testing.B, in expand.Input) {
		if _, err := expand.Expand(in); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkRender expands one deployment, and writes its objects as YAML.
func BenchmarkRender(b *testing.B) {
	each(b, func(b *testing.B, in expand.Input) {
		objects, err := expand.Expand(in)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := expand.Marshal(objects); err != nil {
			b.Fatal(err)
		}
	})
}

// each runs a benchmark with a single model, and with a graph of five nodes.
func each(b *testing.B, run func(*testing.B, expand.Input)) {
	for name, file := range map[string]string{"model": "sklearn-v2", "chain": "transformer-chain"} {
		b.Run(name, func(b *testing.B) {
			text, err := os.ReadFile("testdata/" + file + ".in.yaml")
			if err != nil {
				b.Fatal(err)
			}
			in := benchmarkInput(b)
			in.Deployment = &v1.SeldonDeployment{}
			if err := yaml.Unmarshal(text, in.Deployment); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				run(b, in)
			}
		})
	}
}

// BenchmarkThousandDeployments expands a thousand different deployments, and
// writes their objects as YAML.
func BenchmarkThousandDeployments(b *testing.B) {
	const many = 1000
	in := benchmarkInput(b)
	var deployments []*v1.SeldonDeployment
	for seed := uint64(0); len(deployments) < many; seed++ {
		if d := expandtest.Valid(seed, in.Config.Rules(in.Servers)); d != nil {
			deployments = append(deployments, d)
		}
	}
	all := func(b *testing.B, each func([]expand.Object)) {
		b.Helper()
		start, rounds := time.Now(), 0
		for b.Loop() {
			for _, d := range deployments {
				in.Deployment = d
				objects, err := expand.Expand(in)
				if err != nil {
					b.Fatal(err)
				}
				each(objects)
			}
			rounds++
		}
		b.ReportMetric(float64(time.Since(start).Microseconds())/float64(rounds*many), "µs/deployment")
	}
	b.Run("expand", func(b *testing.B) { all(b, func([]expand.Object) {}) })
	b.Run("render", func(b *testing.B) {
		all(b, func(objects []expand.Object) {
			if _, err := expand.Marshal(objects); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func benchmarkInput(b *testing.B) expand.Input {
	b.Helper()
	servers, err := manifests.Load()
	if err != nil {
		b.Fatal(err)
	}
	return expand.Input{Config: expand.DefaultConfig(), Servers: servers}
}
