package v1

import (
	"fmt"
	"slices"

	"github.com/prime-radiant/radiant/wording"
)

// kedaTriggers lists what KEDA 2.21 scales by. A newer one knows more.
func kedaTriggers() []string {
	return []string{
		"activemq", "apache-kafka", "arangodb", "artemis-queue", "aws-cloudwatch", "aws-dynamodb", "aws-dynamodb-streams",
		"aws-kinesis-stream", "aws-sqs-queue", "azure-app-insights", "azure-blob", "azure-data-explorer", "azure-eventhub",
		"azure-log-analytics", "azure-monitor", "azure-pipelines", "azure-queue", "azure-servicebus", "beanstalkd", "cassandra",
		"couchdb", "cpu", "cron", "datadog", "dynatrace", "elasticsearch", "etcd", "external", "external-push", "forgejo-runner",
		"gcp-cloudtasks", "gcp-pubsub", "gcp-stackdriver", "gcp-storage", "github-runner", "gitlab-runner", "graphite",
		"huawei-cloudeye", "ibmmq", "influxdb", "kafka", "kubernetes-resource", "kubernetes-workload", "liiklus", "loki", "memory",
		"metrics-api", "mongodb", "mssql", "mysql", "nats-jetstream", "new-relic", "nsq", "openstack-metric", "openstack-swift",
		"postgresql", "predictkube", "prometheus", "pulsar", "rabbitmq", "redis", "redis-cluster", "redis-cluster-streams",
		"redis-sentinel", "redis-sentinel-streams", "redis-streams", "selenium-grid", "solace-dm-queue", "solace-event-queue",
		"solarwinds", "solr", "splunk", "splunk-observability", "stan", "sumologic", "temporal",
	}
}

// isOfPods reports whether a trigger is read from pods, and so from none
// where there are none.
func (t *KEDATriggers) isOfPods() bool { return t.Type == "cpu" || t.Type == "memory" }

func (v *validator) keda(path string, k *KEDASpec) {
	if len(k.Triggers) == 0 {
		v.errorf(path+".triggers", "KEDA needs at least one trigger")
	}
	for i := range k.Triggers {
		at, t := fmt.Sprintf("%s.triggers[%d].type", path, i), k.Triggers[i].Type
		v.required(at, t)
		if t != "" && !slices.Contains(kedaTriggers(), t) {
			v.warnf(at, "nothing is known of the trigger %q, and KEDA refuses all of a ScaledObject with an unknown one%s", t, wording.DidYouMean(t, kedaTriggers()))
		}
	}
	v.count(path+".minReplicaCount", k.MinReplicaCount)
	v.count(path+".idleReplicaCount", k.IdleReplicaCount)
	least, most := int32(0), int32(100) // What KEDA takes for none.
	if k.MinReplicaCount != nil {
		least = *k.MinReplicaCount
	}
	if k.MaxReplicaCount != nil {
		most = *k.MaxReplicaCount
	}
	switch {
	case most < 1:
		v.errorf(path+".maxReplicaCount", "maxReplicaCount must be at least 1")
	case least > most:
		v.errorf(path+".minReplicaCount", "minReplicaCount %d is above maxReplicaCount %d", least, most)
	}
	v.idle(path, k, least)
}

// idle checks the ways to no pods at all.
func (v *validator) idle(path string, k *KEDASpec, least int32) {
	asked := ""
	switch idle := k.IdleReplicaCount; {
	case idle != nil && *idle > 0:
		v.errorf(path+".idleReplicaCount", "%d: only 0 works, since the autoscaler brings any other number to minReplicaCount again; "+
			"write 0, or leave it out", *idle)
		return
	case idle != nil && least < 1:
		v.errorf(path+".idleReplicaCount", "0 is not below minReplicaCount %d, so KEDA refuses it; leave it out, or write minReplicaCount: 1", least)
		return
	case idle != nil:
		asked = ".idleReplicaCount"
	case k.MinReplicaCount != nil && least == 0:
		asked = ".minReplicaCount"
	default:
		return
	}
	if len(k.Triggers) > 0 && !slices.ContainsFunc(k.Triggers, func(t KEDATriggers) bool { return !t.isOfPods() }) {
		v.warnf(path+asked, "triggers cpu and memory alone never lead to 0 pods, since nothing could tell when to start one again; "+
			"add a trigger that is read elsewhere")
	}
}
