package kubeflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/wording"
)

// mpiField is a field of an MPIJob that not all versions have.
type mpiField struct {
	name string
	// versions are those that have it.
	versions []string
	// instead is what to do in the others.
	instead string
	isGiven func(*MPIJobSpec) bool
}

// mpiFields is the table of them.
func mpiFields() []mpiField {
	older, newer := []string{"v1alpha2", "v1"}, []string{"v2beta1"}
	return []mpiField{
		{"mainContainer", older, "ranks run in the first container of the workers; leave it out", func(s *MPIJobSpec) bool { return s.MainContainer != "" }},
		{"mpiDistribution", []string{"v1alpha2"}, "write mpiImplementation: OpenMPI, Intel or MPICH, which is of v2beta1", func(s *MPIJobSpec) bool { return s.MPIDistribution != "" }},
		{"backoffLimit", older, "write it as spec.runPolicy.backoffLimit", func(s *MPIJobSpec) bool { return s.BackoffLimit != nil }},
		{"activeDeadlineSeconds", older, "write it as spec.runPolicy.activeDeadlineSeconds", func(s *MPIJobSpec) bool { return s.ActiveDeadlineSeconds != nil }},
		{"sshAuthMountPath", newer, "ssh finds its keys without it; leave it out", func(s *MPIJobSpec) bool { return s.SSHAuthMountPath != "" }},
		{"mpiImplementation", newer, "in v1alpha2 write mpiDistribution: open_mpi, intel_mpi or mpich; in v1 the launch line decides, and it is left out", func(s *MPIJobSpec) bool { return s.MPIImplementation != "" }},
		{"launcherCreationPolicy", newer, "the launcher waits for the workers; leave it out", func(s *MPIJobSpec) bool { return s.LauncherCreationPolicy != "" }},
		{"runLauncherAsWorker", newer, "give the workers one replica more; leave it out", func(s *MPIJobSpec) bool { return s.RunLauncherAsWorker != nil }},
	}
}

func (v *validator) mpiJob(j *MPIJob) {
	s := &j.Spec
	for _, f := range mpiFields() {
		if f.isGiven(s) && !slices.Contains(f.versions, v.parts.Version) {
			v.errorf("spec."+f.name, "is a field of %s, and the job is written in %s: %s",
				wording.Listed(groupVersions(f.versions)), v.parts.Version, f.instead)
		}
	}
	v.enum("spec.mpiDistribution", "mpiDistribution", s.MPIDistribution, []string{"open_mpi", "intel_mpi", "mpich"})
	v.enum("spec.mpiImplementation", "mpiImplementation", s.MPIImplementation, []string{"OpenMPI", "Intel", "MPICH"})
	v.enum("spec.launcherCreationPolicy", "launcherCreationPolicy", s.LauncherCreationPolicy, []string{"AtStartup", "WaitForWorkersReady"})
	if n := s.SlotsPerWorker; n != nil && *n < 1 {
		v.errorf("spec.slotsPerWorker", "with %d slots no worker takes a rank; write 1 or more", *n)
	}
	if len(v.parts.Replicas) == 0 {
		return
	}
	v.launcher()
	if v.count(Worker) < 1 && !j.LauncherWorks() {
		path := "spec.mpiReplicaSpecs"
		if name, spec := v.written(Worker); spec != nil {
			path = v.path(name) + ".replicas"
		}
		v.errorf(path, "no worker takes a rank; write Worker with 1 replica or more")
	}
	if s.MainContainer != "" {
		v.mainContainer(s.MainContainer)
	}
	v.singleDashes()
}

// SingleDashed are options of mpirun that Open MPI takes for something else from
// 5.0.10 on, where they have one dash only.
func SingleDashed() []string { return []string{"-bind-to", "-map-by", "-rank-by"} }

// singleDashes warns of options that would have to be written anew, in lines for a
// shell, which nobody changes; as words of their own they are.
func (v *validator) singleDashes() {
	name, spec := v.written(Launcher)
	if spec == nil || len(spec.Template.Spec.Containers) == 0 {
		return
	}
	c := &spec.Template.Spec.Containers[0]
	for _, list := range []struct {
		field string
		words []string
	}{{"command", c.Command}, {"args", c.Args}} {
		for i, word := range list.words {
			if !strings.Contains(word, "mpirun ") && !strings.Contains(word, "mpiexec ") {
				continue
			}
			for _, option := range SingleDashed() {
				if strings.Contains(" "+strings.Join(strings.Fields(word), " "), " "+option+" ") {
					v.warnf(fmt.Sprintf("%s.template.spec.containers[0].%s[%d]", v.path(name), list.field, i),
						"Open MPI refuses %s from 5.0.10 on; write -%s", option, option)
				}
			}
		}
	}
}

func groupVersions(versions []string) []string {
	full := make([]string, len(versions))
	for i := range versions {
		full[i] = Group + "/" + versions[i]
	}
	return full
}

// launcher asks for one, which is not restarted without end.
func (v *validator) launcher() {
	name, spec := v.written(Launcher)
	if spec == nil {
		v.errorf("spec.mpiReplicaSpecs", "nobody starts the ranks; write Launcher with 1 replica, whose command is mpirun")
		return
	}
	if n := v.count(Launcher); n != 1 {
		v.errorf(v.path(name)+".replicas", "an MPIJob has 1 launcher, and this makes %d; write 1", n)
	}
	if p := spec.RestartPolicy; p == RestartAlways {
		v.errorf(v.path(name)+".restartPolicy", "a launcher that is restarted whenever it ends never ends; write OnFailure or Never")
	}
}

func (v *validator) mainContainer(main string) {
	name, spec := v.written(Worker)
	if spec == nil || len(spec.Template.Spec.Containers) == 0 {
		return
	}
	var names []string
	for i := range spec.Template.Spec.Containers {
		names = append(names, spec.Template.Spec.Containers[i].Name)
	}
	if !slices.Contains(names, main) {
		v.errorf("spec.mainContainer", "%s has no container %q%s",
			strings.TrimPrefix(v.path(name), "spec."), main, wording.OneOf(main, names))
	}
}
