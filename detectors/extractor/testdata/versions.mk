# Versions of the tools.

# promoter: image docker.io alpine/helm
HELM_IMAGE_TAG := 3.16.3
# promoter: chart https://charts.example.com redis
REDIS_CHART = ~20.1

OTHER_VERSION = 1.0.0
