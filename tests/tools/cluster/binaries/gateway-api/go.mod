module github.com/prime-radiant/radiant/tests/tools/cluster/binaries/gateway-api

go 1.26.0

// Only its folder config/crd is used: the definitions of the Gateway API.
require sigs.k8s.io/gateway-api v1.2.1
