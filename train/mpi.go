package train

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// Where the pods of an MPIJob find what mpirun needs, and the names of its volumes.
const (
	mpiFolder  = "/etc/mpi"
	mpiVolume  = "mpi-job-config"
	rootKeys   = "/root/.ssh"
	keyVolume  = "ssh-auth"
	agentFile  = "kubexec.sh"
	hostsFile  = "hostfile"
	daemonFile = "sshd.sh"
	// daemonPort is one that any user may listen on, and that no node's own server takes.
	daemonPort = 2222
	// sshPort is where servers listen that the image starts itself.
	sshPort = 22
	// workerAlias stands for the name of any worker where its key is looked up.
	workerAlias = "worker"
)

// Keys of the Secret of an MPIJob. The private key is that of the launcher and of
// every worker's server, so that both sides know each other by it.
const (
	SecretPrivate = "ssh-privatekey"
	SecretPublic  = "ssh-publickey" //nolint:gosec // It is the name of a key in a Secret.
	SecretKnown   = "known_hosts"
)

// mpi is an MPIJob with defaults.
type mpi struct {
	job     *kubeflow.MPIJob
	parts   kubeflow.Parts
	workers int32
}

// planMPI returns the plan of a job with defaults. Outside of a cluster nothing is
// added to the pods.
func planMPI(j *kubeflow.MPIJob, inCluster bool) *Plan {
	m := &mpi{job: j, parts: j.Parts()}
	m.workers = m.parts.Count(kubeflow.Worker)
	plan := &Plan{Job: j}
	add := func(t kubeflow.ReplicaType, index int32) {
		name, spec := kubeflow.PodName(j.Name, t, index), m.parts.Replicas[t]
		labels := m.labels(t, index)
		pod := podOf(name, spec, labels)
		if inCluster {
			m.equip(pod, t)
		} else {
			pod.Spec.Containers[0].Command = doubleDashes(pod.Spec.Containers[0].Command)
			pod.Spec.Containers[0].Args = doubleDashes(pod.Spec.Containers[0].Args)
		}
		plan.Replicas = append(plan.Replicas, Replica{
			Name: name, Type: t, Restart: spec.RestartPolicy, Pod: pod, Service: serviceOf(name, labels, "ssh", m.port()), Port: m.port(),
			Leads: t == kubeflow.Launcher, Idles: t == kubeflow.Worker, main: m.main(&pod.Spec, t),
		})
	}
	for i := range m.workers {
		add(kubeflow.Worker, i)
	}
	add(kubeflow.Launcher, 0)
	if inCluster {
		plan.Shared, plan.Secret = m.config(), m.secretName()
	}
	return plan
}

// Slots is how many ranks the pods of an MPIJob with defaults take together.
func Slots(j *kubeflow.MPIJob) int {
	parts := j.Parts()
	pods := int(parts.Count(kubeflow.Worker))
	if j.LauncherWorks() {
		pods++
	}
	return pods * int(*j.Spec.SlotsPerWorker)
}

func (m *mpi) labels(t kubeflow.ReplicaType, index int32) map[string]string {
	role, number := strings.ToLower(string(t)), strconv.Itoa(int(index))
	return map[string]string{
		labelOperator: "mpi-operator", LabelJob: m.job.Name, LabelType: role, LabelIndex: number, labelRole: role,
		"group_name": kubeflow.Group, "mpi_job_name": m.job.Name, "mpi_role_type": role,
	}
}

func (m *mpi) configName() string { return m.job.Name + "-config" }

func (m *mpi) secretName() string { return m.job.Name + "-ssh" }

// config is what all pods of the job read: who the workers are, how one is reached,
// and how a worker waits for that.
func (m *mpi) config() *corev1.ConfigMap {
	var hosts strings.Builder
	host := func(t kubeflow.ReplicaType, index int32) {
		fmt.Fprintf(&hosts, "%s slots=%d\n", kubeflow.PodName(m.job.Name, t, index), *m.job.Spec.SlotsPerWorker)
	}
	if m.job.LauncherWorks() {
		host(kubeflow.Launcher, 0)
	}
	for i := range m.workers {
		host(kubeflow.Worker, i)
	}
	check := fmt.Sprintf("-p %d -o StrictHostKeyChecking=yes -o HostKeyAlias=%s -o UserKnownHostsFile=%s/%s", daemonPort, workerAlias, mpiFolder, SecretKnown)
	if m.ownDaemon() {
		check = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
	}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: m.configName(), Labels: map[string]string{LabelJob: m.job.Name}},
		Data: map[string]string{
			hostsFile:  hosts.String(),
			agentFile:  fmt.Sprintf(agentScript, mpiFolder, check),
			daemonFile: fmt.Sprintf(daemonScript, mpiFolder, daemonPort),
		},
	}
}

// agentScript reaches a worker: it waits until one answers, and runs the rest of
// its words there. The key that is mounted can be read by any user of the container;
// ssh takes only one that others cannot read, so each user has a copy.
const agentScript = `#!/bin/sh
options=
while [ "${1#-}" != "$1" ]; do
  options="$options $1"
  shift
done
host=$1
shift
key=/tmp/.mpi-key-$(id -u)
[ -s "$key" ] || (umask 077 && cp %[1]s/id_rsa "$key.$$" && mv "$key.$$" "$key") || exit 255
reach="ssh %[2]s$options -i $key -o LogLevel=ERROR -o BatchMode=yes -o ConnectTimeout=5 $host"
n=0
until said=$($reach true </dev/null 2>&1); do
  n=$((n + 1))
  if [ $n -ge 300 ]; then
    echo "$said" >&2
    exit 255
  fi
  sleep 1
done
exec $reach "$@"
`

// daemonScript waits on a worker for what is to be run. Programs see the variables
// of the container, as they would if it had started them. The server runs as the
// user of the container, who alone can be reached by it then.
const daemonScript = `#!/bin/sh
export -p >/tmp/.mpi-environment
mkdir -p /run/sshd /var/empty 2>/dev/null # Only root can, and only root has to.
daemon=$(command -v sshd || echo /usr/sbin/sshd)
if [ ! -x "$daemon" ]; then
  echo "the image has no sshd, by which ranks are started on workers: install openssh-server in it" >&2
  exit 127
fi
key=/tmp/.mpi-key-$(id -u)
(umask 077 && cp %[1]s/id_rsa "$key.$$" && mv "$key.$$" "$key") || exit 1
[ $# -eq 0 ] || "$@" &
exec "$daemon" -De -p %[2]d -f /dev/null -h "$key" -o AuthorizedKeysFile=%[1]s/authorized_keys -o StrictModes=no \
  -o PasswordAuthentication=no -o PermitRootLogin=prohibit-password -o MaxStartups=1000 -o PidFile=none \
  -o ForceCommand='. /tmp/.mpi-environment; eval "$SSH_ORIGINAL_COMMAND"'
`

// port is where workers are reached.
func (m *mpi) port() int32 {
	if m.ownDaemon() {
		return sshPort
	}
	return daemonPort
}

// ownDaemon reports whether the workers start a server themselves, with keys of
// their own: in v2beta1, where they have a command.
func (m *mpi) ownDaemon() bool {
	spec := m.parts.Replicas[kubeflow.Worker]
	if m.parts.Version != "v2beta1" || spec == nil {
		return false
	}
	c := &spec.Template.Spec.Containers[m.main(&spec.Template.Spec, kubeflow.Worker)]
	return len(c.Command)+len(c.Args) > 0
}

// main is the number of the container of a pod in which ranks run, or mpirun.
func (m *mpi) main(pod *corev1.PodSpec, t kubeflow.ReplicaType) int {
	if t != kubeflow.Worker {
		return 0
	}
	return max(0, slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == m.job.Spec.MainContainer }))
}

// equip gives a pod the files and variables that it needs as launcher or worker.
func (m *mpi) equip(pod *corev1.Pod, t kubeflow.ReplicaType) {
	c := &pod.Spec.Containers[m.main(&pod.Spec, t)]
	m.mount(pod, c)
	c.Env = append(c.Env, corev1.EnvVar{Name: "K_MPI_JOB_ROLE", Value: strings.ToLower(string(t))})
	c.Env = append(c.Env, m.agentVariables()...)
	if t == kubeflow.Worker {
		m.serve(c)
		return
	}
	c.Command, c.Args = doubleDashes(c.Command), doubleDashes(c.Args)
	c.Env = append(c.Env, m.launchVariables()...)
}

// mount lets a container see hosts, scripts and keys in one folder, and in v2beta1
// the keys in the folder of ssh too, since programs there may rely on it.
func (m *mpi) mount(pod *corev1.Pod, c *corev1.Container) {
	readable, executable, private := int32(0o444), int32(0o555), int32(0o600)
	keys := func(mode *int32) []corev1.KeyToPath {
		return []corev1.KeyToPath{
			{Key: SecretPrivate, Path: "id_rsa", Mode: mode}, {Key: SecretPublic, Path: "id_rsa.pub", Mode: mode},
			{Key: SecretPublic, Path: "authorized_keys", Mode: mode}, {Key: SecretKnown, Path: SecretKnown, Mode: mode},
		}
	}
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: mpiVolume, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ConfigMap: &corev1.ConfigMapProjection{
				LocalObjectReference: corev1.LocalObjectReference{Name: m.configName()},
				Items: []corev1.KeyToPath{
					{Key: hostsFile, Path: hostsFile, Mode: &readable},
					{Key: agentFile, Path: agentFile, Mode: &executable},
					{Key: daemonFile, Path: daemonFile, Mode: &executable},
				},
			}},
			{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: m.secretName()}, Items: keys(&readable)}},
		}},
	}})
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: mpiVolume, MountPath: mpiFolder})
	if m.parts.Version != "v2beta1" {
		return
	}
	folder, mode := path.Clean(cmp.Or(m.job.Spec.SSHAuthMountPath, rootKeys)), &readable
	if folder == rootKeys {
		mode = &private // Root's ssh takes no others, and only root comes there.
	}
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: keyVolume, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: m.secretName(), Items: keys(mode)},
	}})
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: keyVolume, MountPath: folder})
}

// serve lets a worker wait for ranks. Its own command runs beside that.
func (m *mpi) serve(c *corev1.Container) {
	if m.ownDaemon() {
		return
	}
	own := c.Command
	if len(own) > 0 {
		own = slices.Concat(own, c.Args)
	}
	c.Command, c.Args = append([]string{mpiFolder + "/" + daemonFile}, own...), nil
}

// agentVariables say by what a worker is reached. Workers have them too, since a
// large job is launched in a tree.
func (m *mpi) agentVariables() []corev1.EnvVar {
	const agent = mpiFolder + "/" + agentFile
	switch m.implementation() {
	case "Intel":
		return []corev1.EnvVar{{Name: "I_MPI_HYDRA_BOOTSTRAP", Value: "ssh"}, {Name: "I_MPI_HYDRA_BOOTSTRAP_EXEC", Value: agent}}
	case "MPICH":
		return []corev1.EnvVar{{Name: "HYDRA_LAUNCHER", Value: "ssh"}, {Name: "HYDRA_LAUNCHER_EXEC", Value: agent}}
	}
	return []corev1.EnvVar{{Name: "OMPI_MCA_plm_rsh_agent", Value: agent}, {Name: "PRTE_MCA_plm_ssh_agent", Value: agent}}
}

// launchVariables say where ranks go. Open MPI reads one half of its own in version 4, the
// other in version 5.
func (m *mpi) launchVariables() []corev1.EnvVar {
	const hosts = mpiFolder + "/" + hostsFile
	slots := strconv.Itoa(int(*m.job.Spec.SlotsPerWorker))
	none := []corev1.EnvVar{{Name: "NVIDIA_VISIBLE_DEVICES"}, {Name: "NVIDIA_DRIVER_CAPABILITIES"}}
	if m.job.LauncherWorks() {
		none = nil
	}
	switch m.implementation() {
	case "Intel":
		return append(none, corev1.EnvVar{Name: "I_MPI_HYDRA_HOST_FILE", Value: hosts}, corev1.EnvVar{Name: "I_MPI_PERHOST", Value: slots})
	case "MPICH":
		return append(none, corev1.EnvVar{Name: "HYDRA_HOST_FILE", Value: hosts})
	}
	return append(none,
		corev1.EnvVar{Name: "OMPI_MCA_orte_default_hostfile", Value: hosts}, corev1.EnvVar{Name: "PRTE_MCA_prte_default_hostfile", Value: hosts},
		corev1.EnvVar{Name: "OMPI_MCA_orte_keep_fqdn_hostnames", Value: "true"}, corev1.EnvVar{Name: "OMPI_MCA_orte_set_default_slots", Value: slots})
}

// implementation is OpenMPI, Intel or MPICH, by either field that says so.
func (m *mpi) implementation() string {
	switch s := &m.job.Spec; {
	case s.MPIImplementation != "":
		return s.MPIImplementation
	case s.MPIDistribution == "intel_mpi":
		return "Intel"
	case s.MPIDistribution == "mpich":
		return "MPICH"
	}
	return "OpenMPI"
}

// doubleDashes writes the options of mpirun that Open MPI takes for something else
// from 5.0.10 on, where they have one dash. Every version takes them with two.
func doubleDashes(words []string) []string {
	words = slices.Clone(words)
	for i, word := range words {
		if slices.Contains(kubeflow.SingleDashed(), word) {
			words[i] = "-" + word
		}
	}
	return words
}

// podOf is the template of a replica with the name and the labels of its pod.
func podOf(name string, spec *kubeflow.ReplicaSpec, labels map[string]string) *corev1.Pod {
	template := spec.Template.DeepCopy()
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		// The rest, such as the resourceVersion of a pod that was taken for a template, is
		// that of no new pod.
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: template.Annotations, Finalizers: template.Finalizers},
		Spec:       template.Spec,
	}
	all := maps.Clone(template.Labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, labels)
	pod.Labels = all
	pod.Spec.RestartPolicy = podRestart(spec.RestartPolicy)
	return pod
}
