import ArgumentParser
import SimulatorCommands

SimulatorMain.main()
