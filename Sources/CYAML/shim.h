#ifndef FLOODGATE_CYAML_H
#define FLOODGATE_CYAML_H

#include <yaml.h>

#endif
