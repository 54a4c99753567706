package expand

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Variables that images of components read.
const (
	envServicePort = "PREDICTIVE_UNIT_SERVICE_PORT"
	envMetricsPath = "PREDICTIVE_UNIT_METRICS_ENDPOINT"
	envParameters  = "PREDICTIVE_UNIT_PARAMETERS"
	envUnitID      = "PREDICTIVE_UNIT_ID"
	envUnitImage   = "PREDICTIVE_UNIT_IMAGE"
	envPredictor   = "PREDICTOR_ID"
	envLabels      = "PREDICTOR_LABELS"
	envDeployment  = "SELDON_DEPLOYMENT_ID"
	envExecutor    = "SELDON_EXECUTOR_ENABLED"
	envCertPath    = "SELDON_CERT_MOUNT_PATH"

	envMLServerMetricsPath = "MLSERVER_METRICS_ENDPOINT"
	envMLServerModelName   = "MLSERVER_MODEL_NAME"
	envMLServerModelURI    = "MLSERVER_MODEL_URI"
)

// portVariables are the variables whose value is a port of the container.
func portVariables() map[string]bool {
	return map[string]bool{
		envServicePort: true, v1.EnvHTTPPort: true, v1.EnvGRPCPort: true, v1.EnvMetricsPort: true,
		v1.EnvMLServerHTTPPort: true, v1.EnvMLServerGRPCPort: true, v1.EnvMLServerMetricsPort: true,
	}
}

// addEnv adds a variable unless it is there.
func addEnv(env []corev1.EnvVar, name, value string) []corev1.EnvVar {
	return addVar(env, corev1.EnvVar{Name: name, Value: value})
}

// setEnv adds a variable or replaces it where it stands: a name that occurs
// twice is an error to server-side apply.
func setEnv(env []corev1.EnvVar, name, value string) []corev1.EnvVar {
	return setVar(env, corev1.EnvVar{Name: name, Value: value})
}

func addVar(env []corev1.EnvVar, v corev1.EnvVar) []corev1.EnvVar {
	for i := range env {
		if env[i].Name == v.Name {
			return env
		}
	}
	return append(env, v)
}

func setVar(env []corev1.EnvVar, v corev1.EnvVar) []corev1.EnvVar {
	for i := range env {
		if env[i].Name == v.Name {
			env[i] = v
			return env
		}
	}
	return append(env, v)
}

func envFromSecret(name string) []corev1.EnvFromSource {
	return []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: name},
	}}}
}

// marshalled is JSON of values that cannot fail to be JSON.
func marshalled(value any) string {
	out, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("marshalling %T: %v", value, err))
	}
	return string(out)
}
