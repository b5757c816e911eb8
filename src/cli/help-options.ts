/** The end of the help of a command that reads the settings. */
export const CONFIG = `Options
  --config FILE  a file of settings in TOML, whose keys are the names of the
                 variables. The environment wins
  -h, --help     print this text`;
